// Reading all of a spill, for whoever wants to know whether it is sound or how much is in it.

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/store/spill_file.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t varint_bytes = 10;  // the longest

}  // namespace

Result<SpillFile::Block> SpillFile::checked_block(SpillEntry const& entry, bool decode,
                                                  std::string& buffer) const {
  Block found{entry, 0, 0};
  if (!decode) {
    auto const begin = file_->read(entry.offset, std::min<std::size_t>(entry.length, varint_bytes));
    if (!begin) return begin.error();
    found.rows = ByteReader(*begin).varint(block_rows);
    return found;
  }
  auto const bytes = block(entry, buffer);
  if (!bytes) return bytes.error();
  ColumnTable table;
  if (auto read = append_block(*bytes, table); !read) return read.error();
  if (table.ticks.empty() || table.ticks.front() != entry.first || table.ticks.back() != entry.last)
    return Error{Errc::malformed, 0, "its rows are not those of which the index tells"};
  found.rows = table.ticks.size();
  for (TableColumn const& column : table.columns) found.values += column.values.size();
  return found;
}

void SpillFile::check(
    bool decode, std::function<void(Block const&)> const& visit,
    std::function<void(std::optional<SpillEntry> const&, std::string const&)> const& damage) const {
  auto const head = file_->read(0, spill_head_magic.size());
  if (!head || *head != spill_head_magic) damage(std::nullopt, "its first bytes are damaged");
  EntityId last = 0;
  std::string buffer;
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
      if (entry.entity < last) damage(entry, "its entities are not in order");
      last = entry.entity;
      auto const found = checked_block(entry, decode, buffer);
      if (found)
        visit(*found);
      else
        damage(entry, found.error().code == Errc::malformed ? "a block is damaged"
                                                            : to_string(found.error()));
    }
    if (!read->empty() && read->front().entity != pages_[number])
      damage(std::nullopt, "the directory of its index is damaged");
  }
}

}  // namespace dadvisor::aggregator::store
