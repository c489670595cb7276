#include "aggregator/store/spill_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::string_view head_magic = spill_head_magic;
constexpr std::string_view foot_magic = "2LLIPSAd";
constexpr std::size_t crc_bytes = 4;
constexpr std::size_t entry_bytes = 32;
constexpr std::size_t page_entries = 128;
constexpr std::size_t most_pages = 2048;  // that one query keeps of a file: 8 MiB
constexpr std::size_t footer_bytes = 10 * 8 + crc_bytes + 8;
constexpr std::size_t buffer_bytes = 1 << 20;
constexpr std::string_view extension = ".rows";

void append_crc(std::string& bytes, std::size_t from) {
  auto const crc = crc32c(std::string_view(bytes).substr(from));
  ByteWriter(bytes).u32(crc);
}

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
    auto const begin = buffer_.size();
    encode_block(table, first, last, buffer_);
    entries_.push_back({entity, static_cast<std::uint32_t>(buffer_.size() - begin), offset_ + begin,
                        ticks[first], ticks[last - 1]});
    append_crc(buffer_, begin);
  }
  return flush(buffer_bytes);
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
      writer.u32(entries_[i].entity);
      writer.u32(entries_[i].length);
      writer.u64(entries_[i].offset);
      writer.u64(static_cast<std::uint64_t>(entries_[i].first));
      writer.u64(static_cast<std::uint64_t>(entries_[i].last));
    }
    append_crc(bytes, begin);
  }
  auto const begin = bytes.size();
  for (std::size_t first = 0; first < entries_.size(); first += page_entries)
    writer.u32(entries_[first].entity);
  append_crc(bytes, begin);
  return bytes;
}

Result<std::string> SpillWriter::finish() {
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
                                            std::string& buffer) const {
  std::size_t const whole = length + crc_bytes;
  if (buffer.size() < whole) buffer.resize(whole);
  auto const read = file_->read_into(offset, std::span(buffer).first(whole));
  if (!read) return read.error();
  if (*read != whole) return damaged(path_, "its end is");
  auto const bytes = std::string_view(buffer).substr(0, length);
  auto const crc = ByteReader(std::string_view(buffer).substr(length, crc_bytes)).u32();
  if (crc32c(bytes) != crc) return damaged(path_, "a block is");
  return bytes;
}

Result<void> SpillFile::read_footer() {
  auto const size = file_->size();
  if (size < head_magic.size() + footer_bytes) return damaged(path_, "its footer is");
  auto magic = file_->read(size - foot_magic.size(), foot_magic.size());
  if (!magic) return magic.error();
  if (*magic != foot_magic) return damaged(path_, "its footer is");
  std::string buffer;
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
  std::string buffer;
  auto const bytes = checked(index_offset_ + first * entry_bytes + number * crc_bytes,
                             count * entry_bytes, buffer);
  if (!bytes) return bytes.error();
  ByteReader reader(*bytes);
  std::vector<SpillEntry> entries(count);
  for (SpillEntry& entry : entries) {
    entry.entity = reader.u32();
    entry.length = reader.u32();
    entry.offset = reader.u64();
    entry.first = static_cast<TickNs>(reader.u64());
    entry.last = static_cast<TickNs>(reader.u64());
  }
  return entries;
}

template <typename Visit>
Result<void> SpillFile::visit_entries(EntityId entity, IndexPages& pages,
                                      Visit const& visit) const {
  // An entity's blocks may begin at the end of the page before the first that starts with it.
  auto number = static_cast<std::uint64_t>(std::lower_bound(pages_.begin(), pages_.end(), entity) -
                                           pages_.begin());
  if (number > 0) --number;
  Result<void> result;
  for (; number < pages_.size() && pages_[number] <= entity; ++number) {
    auto kept = pages.find(number);
    if (kept == pages.end()) {
      auto read = page(number);
      if (!read) {
        result = read.error();
        continue;
      }
      if (pages.size() >= most_pages) pages.clear();
      kept = pages.emplace(number, std::move(*read)).first;
    }
    for (SpillEntry const& entry :
         std::ranges::equal_range(kept->second, entity, {}, &SpillEntry::entity))
      visit(entry);
  }
  return result;
}

Result<std::string_view> SpillFile::block(SpillEntry const& entry, std::string& buffer) const {
  if (entry.length > bytes()) return damaged(path_, "its index is");
  return checked(entry.offset, entry.length, buffer);
}

Result<void> SpillFile::select(EntityId entity, Selection const& selection, TickNs from,
                               TickNs until, SelectedRows& out, IndexPages& pages) const {
  Result<void> result;
  auto const visited = visit_entries(entity, pages, [&](SpillEntry const& entry) {
    if (entry.first > until || entry.last < from) return;
    auto const bytes = block(entry, out.scratch.bytes);
    if (!bytes) {
      result = bytes.error();
    } else if (auto read = select_block(*bytes, selection, from, until, out); !read) {
      result = read.error().within(path_);
    }
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
    for (SpillEntry const& entry : *read)
      if (ids.empty() || ids.back() != entry.entity) ids.push_back(entry.entity);
  }
  return ids;
}

Result<void> SpillFile::append(EntityId entity, ColumnTable& table, std::uint64_t& damaged) const {
  Result<void> result;
  IndexPages pages;
  std::string buffer;
  auto const visited = visit_entries(entity, pages, [&](SpillEntry const& entry) {
    if (!result) return;
    auto const bytes = block(entry, buffer);
    if (!bytes && bytes.error().code == Errc::malformed)
      ++damaged;
    else if (!bytes)
      result = bytes.error();
    else if (auto read = append_block(*bytes, table); !read)
      result = read.error().within(path_);
  });
  // A damaged page was counted when the entities were listed.
  return visited || visited.error().code == Errc::malformed ? result : visited;
}

Result<Rows> SpillFile::rows(EntityId entity) const {
  Rows all;
  Result<void> result;
  IndexPages pages;
  std::string buffer;
  auto const visited = visit_entries(entity, pages, [&](SpillEntry const& entry) {
    if (!result) return;
    auto const bytes = block(entry, buffer);
    auto const decoded = bytes ? decode_block(*bytes) : Result<Rows>(bytes.error());
    if (!decoded) {
      result = decoded.error().within(path_);
      return;
    }
    all.widen(decoded->columns());
    for (std::size_t row = 0; row < decoded->size(); ++row) all.append(*decoded, row);
  });
  if (!visited) return visited.error();
  if (!result) return result.error();
  return all;
}

}  // namespace dadvisor::aggregator::store
