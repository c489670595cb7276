#include "aggregator/ingest/foreign_group.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/core/frame/frame.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

// Few, and the same for every batch: a delta frame needs its base's. A row has as many columns as
// the least of these that its entity fits in.
constexpr std::array<std::uint32_t, 3> widths{8, 24, foreign_leaves};

std::vector<Schema> const& foreign_schemas() {
  static std::vector<Schema> const made = [] {
    std::vector<Schema> schemas;
    for (std::size_t const width : widths) {
      auto& schema = schemas.emplace_back();
      for (std::size_t leaf = 0; leaf < width; ++leaf)
        schema.metrics.push_back(foreign_column(leaf));
    }
    return schemas;
  }();
  return made;
}

std::uint32_t schema_for(std::size_t leaves) {
  return static_cast<std::uint32_t>(std::ranges::lower_bound(widths, leaves) - widths.begin());
}

// What an entity and its row may take of a key frame: names, and some bytes of numbers.
constexpr std::size_t most_of_entity =
    frame_limit::container_id_bytes + foreign_leaves_bytes + 11 * foreign_leaves + 64;
static_assert(ForeignGroup::most_entities * most_of_entity < frame_limit::frame_bytes - 65536);

}  // namespace

ForeignGroup::ForeignGroup(StreamId stream, std::int64_t step_seconds, std::uint64_t sequence)
    : stream_(std::move(stream)), step_(step_seconds), sequence_(sequence) {}

ForeignEntity& ForeignGroup::add(Entity entity, std::uint32_t leaves) {
  auto const slot = static_cast<std::uint32_t>(members_.size());
  entities_.push_back({slot, std::move(entity)});
  auto& made = *members_.emplace_back(std::make_unique<ForeignEntity>());
  made.group = this;
  made.step = step_;
  made.slot = slot;
  made.count = leaves;
  return made;
}

void ForeignGroup::add_leaf(ForeignEntity& member, std::string_view leaf) {
  auto& labels = entities_.edit()[member.slot].entity.labels;
  std::string leaves(labels.front().second);
  if (member.count > 0) leaves += '\n';
  leaves += leaf;
  labels = foreign_labels(std::move(leaves));
  ++member.count;
}

bool ForeignGroup::has_room(ForeignEntity const& member, std::string_view leaf) const {
  auto const leaves = of(member).labels.front().second;
  return member.count < foreign_leaves && leaves.size() + 1 + leaf.size() <= foreign_leaves_bytes;
}

ForeignGroup::Sheet& ForeignGroup::sheet(std::int64_t time) {
  if (!open_.empty())
    if (auto& [last, its] = *open_.rbegin(); last == time) return its;
  auto& sheet = open_[time];
  if (sheet.batch) return sheet;
  sheet.batch = std::make_shared<Batch>();
  sheet.batch->stream = stream_;
  sheet.batch->tick = from_unix_seconds(time);
  sheet.batch->step = std::chrono::seconds(step_);
  sheet.batch->rows.reserve(last_ ? last_->rows.size() : 0);
  return sheet;
}

bool ForeignGroup::open(ForeignEntity& member, std::int64_t time, std::uint32_t column,
                        std::size_t most, std::size_t& open_cells) {
  auto const schema = schema_for(member.count);
  auto const width = widths[schema];
  auto& its = sheet(time);
  if (its.row_of.size() <= member.slot) its.row_of.resize(members_.size(), no_row);
  auto& rows = its.batch->rows;
  auto& place = its.row_of[member.slot];
  bool const there = place != no_row;
  if (!there || rows[place].cells.size() <= column) {
    auto const more = width - (there ? rows[place].cells.size() : 0);
    if (open_cells + more > most) {
      if (rows.empty()) open_.erase(time);
      return false;
    }
    open_cells += more;
    if (!there) {
      place = static_cast<std::uint16_t>(rows.size());
      rows.push_back({member.slot, schema, Cells(width)});
    } else {
      rows[place].schema = schema;
      rows[place].cells.resize(width);
    }
  }
  member.time = time;
  member.cells = rows[place].cells.writer();
  member.width = static_cast<std::uint32_t>(rows[place].cells.size());
  return true;
}

std::shared_ptr<Batch const> ForeignGroup::finish(Sheet& sheet) {
  auto& batch = *sheet.batch;
  for (auto const& row : batch.rows) {
    members_[row.slot]->time = ForeignEntity::no_time;
    members_[row.slot]->width = 0;
  }
  if (!std::ranges::is_sorted(batch.rows, {}, &Row::slot))
    std::ranges::sort(batch.rows, {}, &Row::slot);
  batch.schemas = foreign_schemas();
  batch.entities = entities_;
  batch.sequence = ++sequence_;
  return std::move(sheet.batch);
}

}  // namespace dadvisor::aggregator::ingest
