#pragma once
// Foreign points on their way to the store: they come one by one and are collected by entity and
// slot (common/core/foreign.hpp); twice a second or so what came is appended as batches, one for
// each group of entities and slot. Of a slot the last value counts.
//
// What the log did not take is appended again, in the same order, before anything newer; meanwhile
// points wait in memory, up to a bound. Everything is called on one thread, the io thread; the
// store's answers are brought back to it by `post`.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/ingest/foreign_group.hpp"
#include "aggregator/store/appender.hpp"
#include "common/core/log.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::ingest {

// Where a path's points go. Valid as long as the ForeignRows.
struct ForeignSeries {
  ForeignEntity* entity = nullptr;
  std::uint32_t column = 0;

  Entity const& whole() const { return entity->group->of(*entity); }  // as it is now
};

struct ForeignRowsOptions {
  std::size_t most_series = 2'000'000;
  // Values that are not appended yet, absent ones of rows too: when so many are there they are
  // appended at once, while they are in the processor's cache and before they are much memory;
  std::size_t flushed_values = 1 << 18;
  std::size_t most_unflushed_values = 1 << 19;  // senders wait when they cannot be yet (behind());
  std::size_t most_waiting_values = 4'000'000;  // those that cannot wait lose what comes then.
  // Nothing is appended while the store has more cells to apply.
  std::uint64_t most_unapplied_cells = 1 << 20;
};

struct ForeignRowsCounters {
  std::uint64_t series = 0, entities = 0;
  std::uint64_t batches = 0, rows = 0;  // appended and durable
  std::uint64_t again = 0;              // batches that the log did not take at first
  std::uint64_t waiting_values = 0;
};

class ForeignRows {
 public:
  using Post = std::function<void(std::function<void()>)>;
  // `appender` must outlive it. `known`: the store's foreign entities.
  ForeignRows(ForeignRowsOptions options, store::Appender& appender, Post post, Log log,
              std::vector<Entity> const& known);
  ~ForeignRows();
  ForeignRows(ForeignRows const&) = delete;
  ForeignRows& operator=(ForeignRows const&) = delete;

  // `path`: canonical (graphite-bridge/carbon/point_path.hpp).
  std::optional<ForeignSeries> find(std::string_view path) const;
  // A path that find() does not know; nothing when there are too many.
  std::optional<ForeignSeries> add(std::string_view path, std::int64_t step_seconds);

  // Into the slot of the series' step that `seconds`, not negative, is in. False: too much waits
  // for the log; the value is dropped.
  bool put(ForeignSeries const& series, std::int64_t seconds, double value) {
    ForeignEntity& its = *series.entity;
    auto const since = static_cast<std::uint64_t>(seconds - its.time);
    bool const there = since < static_cast<std::uint64_t>(its.step) && series.column < its.width;
    if (!there && !open(series, seconds)) return false;
    its.cells.set(series.column, *real_cell(value));
    return true;
  }
  // Appends what came since, if the store has answered what it got before and does not lag; at the
  // end in any case.
  void flush(bool at_the_end = false);
  // The same when much came.
  void flush_if_large();
  // Whether who sends had better wait: much came, and what came before it is still on its way to
  // the disk or into memory, which ends by itself. Not while the log takes nothing: nobody knows
  // until when.
  bool behind() const { return open_cells_ >= options_.most_unflushed_values && busy(); }
  // Calls `done` once all that was put before is durable, maybe at once. It takes flushes; those of
  // batches that are answered are made here.
  void when_durable(std::function<void()> done);

  ForeignRowsCounters counters() const;

 private:
  bool busy() const {
    return owed_ > 0 || appender_.unapplied_cells() > options_.most_unapplied_cells;
  }
  ForeignEntity& entity(Entity entity, std::uint32_t leaves);
  bool open(ForeignSeries const& series, std::int64_t seconds);
  void append(std::shared_ptr<Batch const> const& batch, Batch const* base);
  void answered(std::shared_ptr<Batch const> const& batch, bool good);
  void tell_durable();

  ForeignRowsOptions const options_;
  store::Appender& appender_;
  Post const post_;
  Log log_;
  // Ordered, not hashed: names come from outside, and no choice of them can make this slow.
  std::map<std::string, ForeignSeries, std::less<>> series_;
  // By parent and step: the chunk that takes new leaves.
  std::map<std::pair<std::string, std::int64_t>, ForeignEntity*> newest_;
  std::map<std::int64_t, std::vector<std::unique_ptr<ForeignGroup>>> groups_;  // by step
  std::map<StreamId, std::uint64_t> marks_;  // of streams from before the start
  std::vector<ForeignGroup*> dirty_;
  std::size_t open_cells_ = 0;
  std::size_t owed_ = 0;  // answers
  std::deque<std::shared_ptr<Batch const>> failed_;
  std::vector<std::function<void()>> waiting_;    // for what is put to be appended
  std::vector<std::function<void()>> answering_;  // for what is appended to be durable
  ForeignRowsCounters counters_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // for answers that come after the end
};

}  // namespace dadvisor::aggregator::ingest
