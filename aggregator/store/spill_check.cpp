// Reading all of a spill, for whoever wants to know whether it is sound or how much is in it.

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/store/spill_file.hpp"

namespace dadvisor::aggregator::store {

void SpillFile::check_group(SpillEntry const& entry, bool decode,
                            std::function<void(Block const&)> const& visit,
                            std::function<void(std::string const&)> const& damage) const {
  SpillCursor cursor;
  Group& its = group(entry, decode, cursor);
  if (its.error) return damage(its.error->context);
  auto const blocks = its.rows->blocks();
  std::vector<std::uint64_t> values(blocks.size(), 0);
  for (RowGroup::Chunk const& place : its.rows->chunks()) {
    if (!decode) break;
    auto const& read = *chunk(its, place.id, cursor);
    if (read.error) {
      damage(fmt::format("a chunk is damaged: column {} of all of them", place.id));
      continue;
    }
    for (RowGroup::Block const& block : blocks) {
      auto const& encoded = read.column(block.place);
      TableColumn column;
      if (encoded.payload.empty()) continue;
      if (append_column(encoded, block.rows, 0, column))
        values[block.place] += column.values.size();
      else
        damage(fmt::format("column {} of entity {} cannot be read", place.id, block.entity));
    }
  }
  TickNs first = std::numeric_limits<TickNs>::max(), last = std::numeric_limits<TickNs>::min();
  for (RowGroup::Block const& block : blocks) {
    RowTicks const& ticks = its.rows->ticks(block);
    first = std::min(first, ticks.front());
    last = std::max(last, ticks.back());
    visit({block.entity, ticks.front(), ticks.back(), block.rows, values[block.place]});
  }
  if (first != entry.first || last != entry.last || blocks.front().entity != entry.first_entity ||
      blocks.back().entity != entry.last_entity)
    damage("its rows are not those of which the index tells");
}

void SpillFile::check(
    bool decode, std::function<void(Block const&)> const& visit,
    std::function<void(std::optional<SpillEntry> const&, std::string const&)> const& damage) const {
  auto const head = file_->read(0, spill_head_magic.size());
  if (!head || *head != spill_head_magic) damage(std::nullopt, "its first bytes are damaged");
  EntityId last = 0;
  for (std::uint64_t number = 0; number < pages_.size(); ++number) {
    auto const read = page(number);
    if (!read) {
      damage(std::nullopt,
             fmt::format(
                 "the index is damaged for entities from number {} to {}", pages_[number],
                 number + 1 < pages_.size() ? std::to_string(pages_[number + 1]) : "the last"));
      continue;
    }
    for (SpillEntry const& entry : *read) {
      if (entry.first_entity < last) damage(entry, "its entities are not in order");
      last = entry.last_entity;
      check_group(entry, decode, visit, [&](std::string const& what) { damage(entry, what); });
    }
    if (!read->empty() && read->front().first_entity != pages_[number])
      damage(std::nullopt, "the directory of its index is damaged");
  }
}

}  // namespace dadvisor::aggregator::store
