#include "aggregator/store/spill_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "aggregator/store/checked_bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::string_view head_magic = spill_head_magic;
constexpr std::string_view foot_magic = "3LLIPSAd";
constexpr std::size_t entry_bytes = 40;
constexpr std::size_t page_entries = 128;
constexpr std::size_t most_pages = 1024;  // that a cursor keeps: 6 MiB
// Of so many columns a group is read as a whole.
constexpr std::size_t many_columns = 8;
constexpr std::size_t footer_bytes = 10 * 8 + crc_bytes + 8;
constexpr std::size_t buffer_bytes = 1 << 20;
constexpr std::string_view extension = ".rows";

std::uint64_t page_count(std::uint64_t entries) {
  return (entries + page_entries - 1) / page_entries;
}

Error damaged(std::string const& path, char const* part) {
  return Error{Errc::malformed, 0, path + ": " + part + " damaged"};
}

}  // namespace

std::string spill_file_name(SpillInfo const& info) {
  // A segment never has the name of one of its spills.
  bool const segment = info.first_number < info.number;
  return fmt::format("{}-{}-{}{}{}", unix_seconds(from_tick_ns(info.first)),
                     unix_seconds(from_tick_ns(info.last)),
                     segment ? fmt::format("{}-", info.first_number) : "", info.number, extension);
}

bool is_spill_name(std::string const& name) { return name.ends_with(extension); }

std::uint64_t spill_number(std::string const& name) {
  std::uint64_t number = 0;
  auto const dash = name.rfind('-');
  if (dash != std::string::npos)
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), number);
  return number;
}

SpillWriter::SpillWriter(Disk& disk, std::string directory, SpillInfo info)
    : disk_(disk), directory_(std::move(directory)), info_(info) {
  if (info_.first_number == 0) info_.first_number = info_.number;
  info_.first = info_.boundary;
  info_.last = info_.boundary - 1;
}

Result<void> SpillWriter::begin() {
  auto file = disk_.create(directory_ + "/new");
  if (!file) return file.error();
  file_ = std::move(*file);
  buffer_ = head_magic;
  return {};
}

Result<void> SpillWriter::flush(std::size_t least) {
  if (buffer_.size() < least) return {};
  if (auto written = file_->append(buffer_); !written) return written;
  offset_ += buffer_.size();
  buffer_.clear();
  return {};
}

template <typename Table>
Result<void> SpillWriter::add_blocks(EntityId entity, std::span<TickNs const> ticks,
                                     Table const& table) {
  bool const none = info_.first > info_.last;
  info_.first = none ? ticks.front() : std::min(info_.first, ticks.front());
  info_.last = none ? ticks.back() : std::max(info_.last, ticks.back());
  for (std::size_t first = 0; first < ticks.size(); first += block_rows) {
    auto const last = std::min(first + block_rows, ticks.size());
    if (group_.empty()) {
      entry_ = SpillEntry{};
      entry_.first_entity = entity;
      entry_.first = ticks[first];
      entry_.last = ticks[last - 1];
    }
    entry_.last_entity = entity;
    entry_.first = std::min(entry_.first, ticks[first]);
    entry_.last = std::max(entry_.last, ticks[last - 1]);
    group_.add(entity, table, first, last);
    if (group_.full()) end_group();
  }
  return flush(buffer_bytes);
}

void SpillWriter::end_group() {
  if (group_.empty()) return;
  auto const begin = buffer_.size();
  entry_.offset = offset_ + begin;
  entry_.chunk_bytes = static_cast<std::uint32_t>(group_.finish(buffer_));
  entry_.directory_bytes =
      static_cast<std::uint32_t>(buffer_.size() - begin - entry_.chunk_bytes - crc_bytes);
  entries_.push_back(entry_);
}

Result<void> SpillWriter::add(EntityId entity, Rows const& rows) {
  return add_blocks(entity, rows.ticks(), rows);
}

Result<void> SpillWriter::add(EntityId entity, ColumnTable const& rows) {
  return add_blocks(entity, rows.ticks, rows);
}

// The index: pages of entries, then the first entity of each page; each part with its CRC.
std::string SpillWriter::index() const {
  std::string bytes;
  ByteWriter writer(bytes);
  for (std::size_t first = 0; first < entries_.size(); first += page_entries) {
    auto const begin = bytes.size();
    for (std::size_t i = first; i < std::min(first + page_entries, entries_.size()); ++i) {
      writer.u32(entries_[i].first_entity);
      writer.u32(entries_[i].last_entity);
      writer.u32(entries_[i].chunk_bytes);
      writer.u32(entries_[i].directory_bytes);
      writer.u64(entries_[i].offset);
      writer.u64(static_cast<std::uint64_t>(entries_[i].first));
      writer.u64(static_cast<std::uint64_t>(entries_[i].last));
    }
    append_crc(bytes, begin);
  }
  auto const begin = bytes.size();
  for (std::size_t first = 0; first < entries_.size(); first += page_entries)
    writer.u32(entries_[first].first_entity);
  append_crc(bytes, begin);
  return bytes;
}

Result<std::string> SpillWriter::finish() {
  end_group();
  auto const index_offset = offset_ + buffer_.size();
  buffer_ += index();
  auto const begin = buffer_.size();
  ByteWriter writer(buffer_);
  for (std::uint64_t const field :
       {info_.store_id, info_.number, info_.first_number, info_.log_number,
        static_cast<std::uint64_t>(info_.boundary), static_cast<std::uint64_t>(info_.created),
        static_cast<std::uint64_t>(info_.first), static_cast<std::uint64_t>(info_.last),
        index_offset, std::uint64_t{entries_.size()}})
    writer.u64(field);
  append_crc(buffer_, begin);
  writer.raw(foot_magic);
  if (auto written = flush(0); !written) return written.error();
  if (auto synced = file_->sync(); !synced) return synced.error();
  file_.reset();
  auto const name = spill_file_name(info_);
  if (auto named = disk_.rename(directory_ + "/new", directory_ + "/" + name); !named)
    return named.error();
  if (auto synced = disk_.sync_directory(directory_); !synced) return synced.error();
  return name;
}

void SpillWriter::abandon() {
  file_.reset();
  // It may not be there; the next spill overwrites it anyhow.
  static_cast<void>(disk_.remove(directory_ + "/new"));
}

Result<std::shared_ptr<SpillFile const>> SpillFile::open(Disk& disk, std::string const& path) {
  auto file = disk.open(path);
  if (!file) return file.error();
  std::shared_ptr<SpillFile> spill(new SpillFile(path, std::move(*file)));
  if (auto read = spill->read_footer(); !read) return read.error();
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
  if (size < head_magic.size() + footer_bytes) return damaged(path_, "its footer is");
  auto magic = file_->read(size - foot_magic.size(), foot_magic.size());
  if (!magic) return magic.error();
  if (*magic != foot_magic) return damaged(path_, "its footer is");
  ReadBuffer buffer;
  auto footer = checked(size - footer_bytes, footer_bytes - crc_bytes - foot_magic.size(), buffer);
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
  if (entry_count_ > size / entry_bytes || index_offset_ > size)
    return damaged(path_, "its footer is");
  auto directory = checked(index_offset_ + entry_count_ * entry_bytes + pages * crc_bytes,
                           pages * sizeof(EntityId), buffer);
  if (!directory) return directory.error();
  ByteReader entities(*directory);
  for (std::uint64_t i = 0; i < pages; ++i) pages_.push_back(entities.u32());
  return {};
}

Result<std::vector<SpillEntry>> SpillFile::page(std::uint64_t number) const {
  auto const first = number * page_entries;
  auto const count = std::min<std::uint64_t>(page_entries, entry_count_ - first);
  ReadBuffer buffer;
  auto const bytes = checked(index_offset_ + first * entry_bytes + number * crc_bytes,
                             count * entry_bytes, buffer);
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
         at != entries.end() && at->first_entity <= entity; ++at)
      visit(*at);
  }
  return result;
}

SpillFile::Group& SpillFile::group(SpillEntry const& entry, bool whole, SpillCursor& cursor) const {
  if (auto const known = cursor.groups_.find(entry.offset); known != cursor.groups_.end())
    return known->second;
  if (cursor.bytes_ > cursor.most_bytes_) {
    cursor.groups_.clear();
    cursor.near_ = nullptr;
    cursor.bytes_ = 0;
  }
  Group& group = cursor.groups_[entry.offset];
  std::size_t const chunks = entry.chunk_bytes;
  if (entry.directory_bytes > bytes() || chunks > bytes() || entry.offset > bytes()) {
    group.error = damaged(path_, "its index is");
    return group;
  }
  std::string_view directory;
  if (whole) {
    group.bytes.resize(chunks + entry.directory_bytes + crc_bytes);
    auto const read = file_->read_into(entry.offset, group.bytes);
    if (!read) {
      group.error = read.error();
      return group;
    }
    group.bytes.resize(*read);
    cursor.bytes_ += group.bytes.size();
    if (group.bytes.size() > chunks) directory = std::string_view(group.bytes).substr(chunks);
    if (!take_crc(directory)) group.error = damaged(path_, "the directory of a group is");
  } else {
    auto const read = checked(entry.offset + chunks, entry.directory_bytes, cursor.buffer_);
    if (read)
      directory = *read;
    else
      group.error = read.error();
  }
  if (group.error) return group;
  auto rows = RowGroup::read(directory, chunks);
  if (rows)
    group.rows = std::move(*rows);
  else
    group.error = rows.error().within(path_);
  return group;
}

SpillCursor::Chunk const* SpillFile::chunk(SpillEntry const& entry, Group& group, MetricId id,
                                           SpillCursor& cursor) const {
  if (auto const known = group.chunks.find(id); known != group.chunks.end()) return &known->second;
  auto const chunks = group.rows->chunks();
  auto const its = std::ranges::lower_bound(chunks, id, {}, &RowGroup::Chunk::id);
  if (its == chunks.end() || its->id != id) return nullptr;
  auto& chunk = group.chunks[id];
  std::string_view bytes;
  if (!group.bytes.empty()) {
    bytes = std::string_view(group.bytes).substr(its->offset, its->length + crc_bytes);
    if (!take_crc(bytes)) chunk.error = damaged(path_, "a chunk is");
  } else if (auto const read = checked(entry.offset + its->offset, its->length, chunk.own); read) {
    bytes = *read;
    cursor.bytes_ += chunk.own.room();
  } else {
    chunk.error = read.error();
  }
  if (chunk.error) return &chunk;
  auto columns = group.rows->columns(bytes);
  if (columns)
    chunk.columns = std::move(*columns);
  else
    chunk.error = columns.error().within(path_);
  return &chunk;
}

Result<void> SpillFile::select_blocks(SpillEntry const& entry, Group& group, EntityId entity,
                                      Selection const& selection, TickNs from, TickNs until,
                                      SelectedRows& out, SpillCursor& cursor) const {
  Result<void> result;
  for (RowGroup::Block const& block : group.rows->blocks_of(entity)) {
    auto const ticks = group.rows->ticks(block);
    auto const first =
        static_cast<std::size_t>(std::ranges::lower_bound(ticks, from) - ticks.begin());
    auto const last =
        static_cast<std::size_t>(std::ranges::upper_bound(ticks, until) - ticks.begin());
    if (first >= last) continue;
    std::size_t const before = out.ticks.size();
    out.begin_rows(selection.width(), ticks.subspan(first, last - first));
    bool sound = true;
    for (auto const& [metric, place] : selection.places()) {
      auto const* const its = chunk(entry, group, metric, cursor);
      if (its == nullptr || (!its->error && its->columns[block.place].payload.empty())) {
        out.lack(place, before);
      } else if (its->error) {
        result = *its->error;
        sound = false;
      } else if (!select_column(its->columns[block.place], ticks.size(), first, last, before,
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
  // All that there is of an entity between the first and the last one of a group is in that group.
  SpillEntry const& near = cursor.near_entry_;
  if (cursor.near_ != nullptr && near.first_entity < entity && entity < near.last_entity) {
    if (near.first > until || near.last < from) return {};
    return select_blocks(near, *cursor.near_, entity, selection, from, until, out, cursor);
  }
  Result<void> result;
  auto const visited = visit_groups(entity, cursor, [&](SpillEntry const& entry) {
    if (entry.first > until || entry.last < from) return;
    Group& its = group(entry, selection.width() >= many_columns, cursor);
    auto const read = its.error
                          ? Result<void>(*its.error)
                          : select_blocks(entry, its, entity, selection, from, until, out, cursor);
    if (!read) result = read;
    if (its.error) return;
    cursor.near_entry_ = entry;
    cursor.near_ = &its;
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
  BlockScratch scratch;
  auto const visited = visit_groups(entity, cursor, [&](SpillEntry const& entry) {
    Group& its = group(entry, true, cursor);
    if (its.error && its.error->code != Errc::malformed) result = *its.error;
    if (!result || its.error) return;
    for (RowGroup::Block const& block : its.rows->blocks_of(entity)) {
      TableAppender appender(table, block.rows);
      for (RowGroup::Chunk const& place : its.rows->chunks()) {
        bool const known = its.chunks.contains(place.id);
        auto const& read = *chunk(entry, its, place.id, cursor);
        if (read.error) {
          damaged += known ? 0 : 1;
        } else if (auto const& encoded = read.columns[block.place];
                   !encoded.payload.empty() &&
                   !append_column(encoded, block.rows, table.ticks.size(), scratch,
                                  appender.column(place.id))) {
          result = Error{Errc::malformed, 0, path_ + ": a column"};
          return;
        }
      }
      appender.finish(its.rows->ticks(block));
    }
  });
  return visited || visited.error().code == Errc::malformed ? result : visited;
}

}  // namespace dadvisor::aggregator::store
