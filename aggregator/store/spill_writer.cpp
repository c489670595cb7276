#include "aggregator/store/spill_writer.hpp"

#include <algorithm>

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t buffer_bytes = 1 << 20;

}  // namespace

SpillWriter::SpillWriter(Disk& disk, std::string directory, SpillInfo info, bool compress)
    : disk_(disk), directory_(std::move(directory)), info_(info) {
  if (compress) compressor_ = std::make_unique<ChunkCompressor>();
  if (info_.first_number == 0) info_.first_number = info_.number;
  info_.first = info_.boundary;
  info_.last = info_.boundary - 1;
}

std::string SpillWriter::path() const {
  bool const is_segment = info_.first_number != info_.number;
  return directory_ + "/" + (is_segment ? new_segment_name : "new");
}

Result<void> SpillWriter::begin() {
  auto file = disk_.create(path());
  if (!file) return file.error();
  file_ = std::move(*file);
  buffer_ = spill_head_magic;
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
  entry_.chunk_bytes = static_cast<std::uint32_t>(group_.finish(buffer_, compressor_.get()));
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
  for (std::size_t first = 0; first < entries_.size(); first += spill_page_entries) {
    auto const begin = bytes.size();
    for (std::size_t i = first; i < std::min(first + spill_page_entries, entries_.size()); ++i) {
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
  for (std::size_t first = 0; first < entries_.size(); first += spill_page_entries)
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
  writer.raw(spill_foot_magic);
  if (auto written = flush(0); !written) return written.error();
  if (auto synced = file_->sync(); !synced) return synced.error();
  file_.reset();
  auto const name = spill_file_name(info_);
  if (auto named = disk_.rename(path(), directory_ + "/" + name); !named) return named.error();
  if (auto synced = disk_.sync_directory(directory_); !synced) return synced.error();
  return name;
}

void SpillWriter::abandon() {
  file_.reset();
  // It may not be there; the next spill overwrites it anyhow.
  static_cast<void>(disk_.remove(path()));
}

}  // namespace dadvisor::aggregator::store
