#include "aggregator/store/spill_file.hpp"

#include <algorithm>
#include <iterator>

#include "aggregator/store/checked_bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t most_pages = 1024;  // that a cursor keeps: 6 MiB
// Of so many columns a group is read as a whole.
constexpr std::size_t many_columns = 8;

std::uint64_t page_count(std::uint64_t entries) {
  return (entries + spill_page_entries - 1) / spill_page_entries;
}

Error damaged(std::string const& path, char const* part) {
  return Error{Errc::malformed, 0, path + ": " + part + " damaged"};
}

}  // namespace

Result<std::shared_ptr<SpillFile const>> SpillFile::open(Disk& disk, std::string const& path,
                                                         std::shared_ptr<KnownChunks> chunks) {
  auto file = disk.open(path);
  if (!file) return file.error();
  std::shared_ptr<SpillFile> spill(new SpillFile(path, std::move(*file)));
  if (auto read = spill->read_footer(); !read) return read.error();
  if (chunks) spill->file_number_ = chunks->new_file();
  spill->chunks_ = std::move(chunks);
  return std::shared_ptr<SpillFile const>(std::move(spill));
}

Result<std::string_view> SpillFile::checked(std::uint64_t offset, std::size_t length,
                                            ReadBuffer& buffer) const {
  auto const whole = buffer.of(length + crc_bytes);
  auto const read = file_->read_into(offset, whole);
  if (!read) return read.error();
  if (*read != whole.size()) return damaged(path_, "its end is");
  std::string_view bytes(whole.data(), whole.size());
  if (!take_crc(bytes)) return damaged(path_, "a part is");
  return bytes;
}

Result<void> SpillFile::read_footer() {
  auto const size = file_->size();
  if (size < spill_head_magic.size() + spill_footer_bytes) return damaged(path_, "its footer is");
  auto const foot = file_->read(size - spill_foot_magic.size(), spill_foot_magic.size());
  if (!foot) return foot.error();
  if (*foot != spill_foot_magic) return damaged(path_, "its footer is");
  ReadBuffer buffer;
  auto footer = checked(size - spill_footer_bytes,
                        spill_footer_bytes - crc_bytes - spill_foot_magic.size(), buffer);
  if (!footer) return footer.error();
  ByteReader reader(*footer);
  info_.store_id = reader.u64();
  info_.number = reader.u64();
  info_.first_number = reader.u64();
  info_.log_number = reader.u64();
  info_.boundary = static_cast<TickNs>(reader.u64());
  info_.created = static_cast<TickNs>(reader.u64());
  info_.first = static_cast<TickNs>(reader.u64());
  info_.last = static_cast<TickNs>(reader.u64());
  index_offset_ = reader.u64();
  entry_count_ = reader.u64();
  auto const pages = page_count(entry_count_);
  if (entry_count_ > size / spill_entry_bytes || index_offset_ > size)
    return damaged(path_, "its footer is");
  auto directory = checked(index_offset_ + entry_count_ * spill_entry_bytes + pages * crc_bytes,
                           pages * sizeof(EntityId), buffer);
  if (!directory) return directory.error();
  ByteReader entities(*directory);
  for (std::uint64_t i = 0; i < pages; ++i) pages_.push_back(entities.u32());
  return {};
}

Result<std::vector<SpillEntry>> SpillFile::page(std::uint64_t number) const {
  auto const first = number * spill_page_entries;
  auto const count = std::min<std::uint64_t>(spill_page_entries, entry_count_ - first);
  ReadBuffer buffer;
  auto const bytes = checked(index_offset_ + first * spill_entry_bytes + number * crc_bytes,
                             count * spill_entry_bytes, buffer);
  if (!bytes) return bytes.error();
  ByteReader reader(*bytes);
  std::vector<SpillEntry> entries(count);
  for (SpillEntry& entry : entries) {
    entry.first_entity = reader.u32();
    entry.last_entity = reader.u32();
    entry.chunk_bytes = reader.u32();
    entry.directory_bytes = reader.u32();
    entry.offset = reader.u64();
    entry.first = static_cast<TickNs>(reader.u64());
    entry.last = static_cast<TickNs>(reader.u64());
  }
  return entries;
}

template <typename Visit>
Result<void> SpillFile::visit_groups(EntityId entity, SpillCursor& cursor,
                                     Visit const& visit) const {
  // An entity's blocks may begin at the end of the page before the first that starts with it.
  auto number = static_cast<std::uint64_t>(std::lower_bound(pages_.begin(), pages_.end(), entity) -
                                           pages_.begin());
  if (number > 0) --number;
  Result<void> result;
  for (; number < pages_.size() && pages_[number] <= entity; ++number) {
    auto kept = cursor.pages_.find(number);
    if (kept == cursor.pages_.end()) {
      auto read = page(number);
      if (!read) {
        result = read.error();
        continue;
      }
      if (cursor.pages_.size() >= most_pages) cursor.pages_.clear();
      kept = cursor.pages_.emplace(number, std::move(*read)).first;
    }
    auto const& entries = kept->second;
    for (auto at = std::ranges::lower_bound(entries, entity, {}, &SpillEntry::last_entity);
         at != entries.end() && at->first_entity <= entity; ++at) {
      // Of what stands in front of a page and behind it, nothing is known here.
      visit(*at, at == entries.begin() ? at->first_entity : std::prev(at)->last_entity,
            std::next(at) == entries.end() ? at->last_entity : std::next(at)->first_entity);
    }
  }
  return result;
}

Result<std::shared_ptr<RowGroup const>> SpillFile::directory(SpillEntry const& entry,
                                                             SpillCursor& cursor) const {
  auto const bytes =
      checked(entry.offset + entry.chunk_bytes, entry.directory_bytes, cursor.buffer_);
  if (!bytes) return bytes.error();
  auto read = RowGroup::read(*bytes, entry.chunk_bytes);
  if (!read) return read.error().within(path_);
  return std::make_shared<RowGroup const>(std::move(*read));
}

SpillFile::Group& SpillFile::group(SpillEntry const& entry, bool whole, SpillCursor& cursor,
                                   KnownGroups* known) const {
  if (auto const its = cursor.groups_.find(entry.offset); its != cursor.groups_.end())
    return its->second;
  if (cursor.bytes_ > cursor.most_bytes_) cursor.forget_groups();
  Group& group = cursor.groups_[entry.offset];
  group.entry = entry;
  std::size_t const chunks = entry.chunk_bytes;
  if (entry.directory_bytes > bytes() || chunks > bytes() || entry.offset > bytes()) {
    group.error = damaged(path_, "its index is");
    return group;
  }
  if (known != nullptr) group.rows = known->find(entry.offset);
  if (!group.rows) {
    auto read = directory(entry, cursor);
    if (!read) {
      group.error = read.error();
      return group;
    }
    group.rows = std::move(*read);
    if (known != nullptr) known->keep(entry.offset, group.rows);
  }
  if (!whole) return group;
  group.bytes.resize(chunks);
  auto const read = file_->read_into(entry.offset, group.bytes);
  if (!read) group.error = read.error();
  if (read && *read != chunks) group.error = damaged(path_, "its end is");
  cursor.bytes_ += chunks;
  return group;
}

Result<KnownChunks::Chunk> SpillFile::read_chunk(Group& group, RowGroup::Chunk const& place,
                                                 SpillCursor& cursor) const {
  auto made = std::make_shared<ReadChunk>();
  bool const compressed = place.whole > 0;
  std::string_view bytes;
  if (!group.bytes.empty()) {
    bytes = std::string_view(group.bytes).substr(place.offset, place.length + crc_bytes);
    if (!take_crc(bytes)) return damaged(path_, "a chunk is");
  } else {
    auto const read = checked(group.entry.offset + place.offset, place.length,
                              compressed ? cursor.buffer_ : made->memory);
    if (!read) return read.error();
    bytes = *read;
  }
  if (compressed) {
    auto const whole = made->memory.of(place.whole);
    if (!cursor.decompressor_.decompress(bytes, whole))
      return Error{Errc::malformed, 0, path_ + ": a compressed chunk"};
    bytes = {whole.data(), whole.size()};
  }
  auto columns = group.rows->columns(bytes);
  if (!columns) return columns.error().within(path_);
  made->columns = std::move(*columns);
  return KnownChunks::Chunk(std::move(made));
}

SpillCursor::Chunk const* SpillFile::chunk(Group& group, MetricId id, SpillCursor& cursor) const {
  if (auto const known = group.chunks.find(id); known != group.chunks.end()) return &known->second;
  auto const chunks = group.rows->chunks();
  auto const its = std::ranges::lower_bound(chunks, id, {}, &RowGroup::Chunk::id);
  if (its == chunks.end() || its->id != id) return nullptr;
  auto& chunk = group.chunks[id];
  // Of a group that is read as a whole its bytes are no one chunk's.
  bool const keeps = chunks_ != nullptr && group.bytes.empty();
  auto const offset = group.entry.offset + its->offset;
  if (keeps) chunk.read = chunks_->find(file_number_, offset);
  if (!chunk.read) {
    auto read = read_chunk(group, *its, cursor);
    if (!read) {
      chunk.error = read.error();
      return &chunk;
    }
    chunk.read = std::move(*read);
    if (keeps) chunks_->keep(file_number_, offset, chunk.read);
  }
  cursor.bytes_ += chunk.read->bytes();
  return &chunk;
}

Result<void> SpillFile::select_blocks(Group& group, EntityId entity, Selection const& selection,
                                      TickNs from, TickNs until, SelectedRows& out,
                                      SpillCursor& cursor) const {
  Result<void> result;
  if (group.entry.first > until || group.entry.last < from) return result;
  for (RowGroup::Block const& block : group.rows->blocks_of(entity)) {
    RowTicks const& ticks = group.rows->ticks(block);
    auto const first = ticks.at_or_behind(from), last = ticks.behind(until);
    if (first >= last) continue;
    std::size_t const before = out.ticks.size();
    out.begin_rows(selection.width(), ticks, first, last);
    bool sound = true;
    for (auto const& [metric, place] : selection.places()) {
      auto const* const its = chunk(group, metric, cursor);
      if (its == nullptr || (!its->error && its->column(block.place).payload.empty())) {
        out.lack(place, before);
      } else if (its->error) {
        result = *its->error;
        sound = false;
      } else if (!select_column(its->column(block.place), ticks.size(), first, last, before,
                                out.scratch, out.columns[place])) {
        result = Error{Errc::malformed, 0, path_ + ": a column"};
        sound = false;
      }
    }
    if (!sound) out.cut(before);
  }
  return result;
}

Result<void> SpillFile::select(EntityId entity, Selection const& selection, TickNs from,
                               TickNs until, SelectedRows& out, SpillCursor& cursor) const {
  if (Group* const near = cursor.near(entity))
    return select_blocks(*near, entity, selection, from, until, out, cursor);
  Result<void> result;
  auto const visited =
      visit_groups(entity, cursor, [&](SpillEntry const& entry, EntityId after, EntityId before) {
        if (entry.first > until || entry.last < from) return;
        Group& its = group(entry, selection.width() >= many_columns, cursor, &known_);
        auto const read = its.error
                              ? Result<void>(*its.error)
                              : select_blocks(its, entity, selection, from, until, out, cursor);
        if (!read) result = read;
        if (!its.error) cursor.set_near(entity, {&its, after, before});
      });
  return visited ? result : visited;
}

Result<std::vector<EntityId>> SpillFile::entities(std::uint64_t& damaged) const {
  std::vector<EntityId> ids;
  for (std::uint64_t number = 0; number < pages_.size(); ++number) {
    auto const read = page(number);
    if (!read && read.error().code != Errc::malformed) return read.error();
    if (!read) {
      ++damaged;
      continue;
    }
    for (SpillEntry const& entry : *read) {
      SpillCursor cursor;
      Group const& its = group(entry, false, cursor);
      if (its.error && its.error->code != Errc::malformed) return *its.error;
      if (its.error) {
        ++damaged;
        continue;
      }
      for (RowGroup::Block const& block : its.rows->blocks())
        if (ids.empty() || ids.back() != block.entity) ids.push_back(block.entity);
    }
  }
  return ids;
}

Result<void> SpillFile::append(EntityId entity, ColumnTable& table, std::uint64_t& damaged,
                               SpillCursor& cursor) const {
  Result<void> result;
  std::vector<TickNs> ticks;
  auto const visited =
      visit_groups(entity, cursor, [&](SpillEntry const& entry, EntityId, EntityId) {
        Group& its = group(entry, true, cursor);
        if (its.error && its.error->code != Errc::malformed) result = *its.error;
        if (!result || its.error) return;
        for (RowGroup::Block const& block : its.rows->blocks_of(entity)) {
          TableAppender appender(table, block.rows);
          for (RowGroup::Chunk const& place : its.rows->chunks()) {
            bool const known = its.chunks.contains(place.id);
            auto const& read = *chunk(its, place.id, cursor);
            if (read.error) {
              damaged += known ? 0 : 1;
            } else if (auto const& encoded = read.column(block.place);
                       !encoded.payload.empty() &&
                       !append_column(encoded, block.rows, table.ticks.size(),
                                      appender.column(place.id))) {
              result = Error{Errc::malformed, 0, path_ + ": a column"};
              return;
            }
          }
          ticks.clear();
          its.rows->ticks(block).append_to(ticks, 0, block.rows);
          appender.finish(ticks);
        }
      });
  return visited || visited.error().code == Errc::malformed ? result : visited;
}

}  // namespace dadvisor::aggregator::store
