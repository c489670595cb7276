#pragma once
// Some hundreds of foreign entities of one step that are logged as one stream, and their rows that
// are not handed over yet.
//
// They are few enough that the list of all of them fits into a frame, however long their names
// are: so every batch names that one list, and what a row costs is the row alone. A point is
// written where the batch has it; of a row only the first point is searched a place for. One
// thread.

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/foreign.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::ingest {

class ForeignGroup;

struct ForeignEntity {
  static constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::max();

  ForeignGroup* group = nullptr;
  std::int64_t step = 0;    // seconds
  std::uint32_t slot = 0;   // in the group's stream, and its place in the group
  std::uint32_t count = 0;  // of leaves
  // The open row that was put into last: of the slot that begins at `time`, seconds.
  std::int64_t time = no_time;
  Cells::Writer cells;
  std::uint32_t width = 0;
};

class ForeignGroup {
 public:
  static constexpr std::size_t most_entities = 512;

  // `sequence`: of its stream's last batch so far.
  ForeignGroup(StreamId stream, std::int64_t step_seconds, std::uint64_t sequence);

  std::int64_t step() const { return step_; }
  bool full() const { return members_.size() == most_entities; }
  Entity const& of(ForeignEntity const& member) const { return entities_[member.slot].entity; }

  // It must not be full. Valid as long as the group.
  ForeignEntity& add(Entity entity, std::uint32_t leaves);
  void add_leaf(ForeignEntity& member, std::string_view leaf);
  // Whether it takes so long a name beside those that it has.
  bool has_room(ForeignEntity const& member, std::string_view leaf) const;

  // Makes member.cells the row of the slot that begins at `time`, with a cell for `column`, and
  // counts the cells that this takes. False: more than `most` would be open.
  bool open(ForeignEntity& member, std::int64_t time, std::uint32_t column, std::size_t most,
            std::size_t& open_cells);
  // Whether there are open rows.
  bool dirty() const { return !open_.empty(); }
  // Hands the open rows over, by time ascending: visit(batch, base), base null at first.
  template <typename Visit>
  void close(Visit const& visit);

 private:
  static constexpr std::uint16_t no_row = 0xffff;
  struct Sheet {  // the rows of one slot of time
    std::shared_ptr<Batch> batch;
    std::vector<std::uint16_t> row_of;  // by slot
  };
  Sheet& sheet(std::int64_t time);
  std::shared_ptr<Batch const> finish(Sheet& sheet);

  StreamId const stream_;
  std::int64_t const step_;
  std::uint64_t sequence_;
  SlotEntities entities_;
  std::vector<std::unique_ptr<ForeignEntity>> members_;  // by slot
  std::map<std::int64_t, Sheet> open_;
  std::shared_ptr<Batch const> last_;  // the base of the next one
};

template <typename Visit>
void ForeignGroup::close(Visit const& visit) {
  for (auto& [time, sheet] : open_) {
    auto const batch = finish(sheet);
    auto const base = std::exchange(last_, batch);
    visit(batch, base.get());
  }
  open_.clear();
}

}  // namespace dadvisor::aggregator::ingest
