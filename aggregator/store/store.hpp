#pragma once
// Rows in, iterators out; knows nothing of apps or of Graphite.
//
// A frame is appended to the log and synced by the log thread (group sync: a sync starts when the
// last one ended and something waits, at least 20 ms apart); meanwhile the store thread applies
// its rows to the head. Rows that leave the head's span are spilled, ordered by entity, to an
// immutable file; the log is cut behind each spill. open() replays what was not spilled.
//
// Threads: append() and every const method from any thread; put() only on the store thread, that
// is from within the Observer or a function given to post().

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "aggregator/store/appender.hpp"
#include "aggregator/store/disk.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

using EntityId = std::uint32_t;  // given once, kept in the catalogue, never used again

struct EntityInfo {
  EntityId id = 0;
  Entity entity;
  WallTime first_tick{};  // of the rows that are still held
  WallTime last_tick{};
  Nanoseconds step{};             // of its newest rows
  std::vector<MetricId> columns;  // that ever held a value, ascending
};
using EntityList = std::vector<EntityInfo>;  // by id ascending

// Told of what was applied, on the store thread, in order; also while open() replays the log, on
// the thread of open(): there is no Store to put() into yet then, so what follows from it has to
// wait for a post(). Replayed are the rows that no spill holds: all of about the last 3 to 13
// minutes, in whole minutes (see FORMAT.md, boundary), and late ones since the last spill.
class Observer {
 public:
  virtual ~Observer() = default;
  // The batch's rows are in the head; ids[i] is the entity of batch.rows[i]. A row for a tick that
  // was there already is not applied again (first wins) and its id is absent_entity.
  virtual void applied(Batch const& batch, std::span<EntityId const> ids) = 0;
};
inline constexpr EntityId absent_entity = 0xffffffff;

struct StoreOptions {
  std::string directory;
  Nanoseconds head_span =
      std::chrono::minutes(10);                    // a spill is made each time this much has passed
  Nanoseconds retention = std::chrono::hours(48);  // of spilled rows
  Nanoseconds sync_spacing = std::chrono::milliseconds(20);
};

struct StoreCounters {
  std::uint64_t appended_batches = 0, appended_bytes = 0, syncs = 0, sync_failures = 0,
                write_failures = 0, applied_rows = 0, duplicate_rows = 0, replayed_batches = 0,
                damaged_records = 0, spills = 0, spill_failures = 0, damaged_spills = 0,
                log_bytes = 0, spill_bytes = 0, head_rows = 0, entities = 0;
};

class Store final : public Appender {
 public:
  // Opens or makes the store in options.directory, replays the log and starts the threads. The
  // observer may be null and, like disk and clock, must outlive the store.
  static Result<std::unique_ptr<Store>> open(StoreOptions options, Disk& disk, Clock const& clock,
                                             Log log, Observer* observer);
  ~Store() override;  // stops the threads; what was appended and not acknowledged may be lost

  void append(std::string frame, std::shared_ptr<Batch const> batch,
              std::function<void(Result<void>)> done) override;
  std::vector<StreamMark> marks() const override;

  // Runs `function` on the store thread, after what was appended before.
  void post(std::function<void()> function);
  // Puts a derived row (an app's, a total's): not logged, since it can be made again from the log's
  // rows; replaces the row of that tick. Only on the store thread. Spilled like any other row.
  EntityId put(EntityKey const& key, Labels const& labels, WallTime tick, Nanoseconds step,
               Schema const& schema, std::span<Cell const> cells);

  // A snapshot; the same pointer as long as nothing but last_tick changed. `generation` rises when
  // an entity or a column appeared, labels or a step changed, or an entity went.
  std::shared_ptr<EntityList const> entities() const;
  std::uint64_t generation() const;

  // Calls visit(tick, cells) for each row of `entity` with from <= tick <= until, by tick
  // ascending, each tick once; cells[i] is the value of columns[i]. Head and spills alike. An
  // entity that is not known has no rows. Errors: io (a spill that cannot be read is counted and
  // its rows are left out; only when nothing at all can be read is that an error).
  using Visitor = std::function<void(WallTime tick, std::span<Cell const> cells)>;
  Result<void> scan(EntityId entity, std::span<MetricId const> columns, WallTime from,
                    WallTime until, Visitor const& visit) const;

  StoreCounters counters() const;
  // False while the disk is full or failing: append() answers unavailable.
  bool writable() const;

 private:
  class State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dadvisor::aggregator::store
