#include "aggregator/store/row_group.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

#include "aggregator/store/checked_bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::uint8_t lacking = 0x7f;  // in place of a coding: the block lacks the column
// A group of the finest rows' spills has about 40 KiB, one of their segments 256, which is about 14
// entities: who asks for a thousand of them reads few pieces, who asks for one no more than 12 KiB.
constexpr std::size_t full_blocks = 24, full_bytes = 256 << 10;
// No group is larger; these guard allocation.
constexpr std::uint64_t most_blocks = 1 << 12, most_columns = 1 << 16;
constexpr std::size_t most_compressed = 64 << 20;  // bytes of a group's chunks before they were

Error malformed_group() { return Error{Errc::malformed, 0, "a group of rows"}; }

}  // namespace

bool RowGroupWriter::full() const { return blocks_ >= full_blocks || bytes_ >= full_bytes; }

template <typename Table>
void RowGroupWriter::add_block(EntityId entity, std::span<TickNs const> ticks, Table const& table,
                               std::size_t first, std::size_t last) {
  ticks = ticks.subspan(first, last - first);
  ByteWriter writer(blocks_bytes_);
  writer.varint(entity - last_entity_);
  last_entity_ = entity;
  if (std::ranges::equal(ticks, last_ticks_)) {
    writer.varint(0);
  } else {
    last_ticks_.assign(ticks.begin(), ticks.end());
    payload_.clear();
    auto const coding = encoder_.encode(ticks, payload_);
    writer.varint(ticks.size());
    writer.u8(coding);
    writer.string(payload_);
  }
  visit_columns(table, first, last, [&](MetricId id, auto values, std::string_view bitmap) {
    payload_.clear();
    auto const coding = encode_column(encoder_, values, bitmap, payload_);
    Chunk& chunk = chunks_[id];
    auto const before = chunk.bytes.size();
    chunk.bytes.append(blocks_ - chunk.blocks, static_cast<char>(lacking));
    ByteWriter column(chunk.bytes);
    column.u8(coding);
    column.string(payload_);
    chunk.blocks = blocks_ + 1;
    bytes_ += chunk.bytes.size() - before;
  });
  ++blocks_;
}

void RowGroupWriter::add(EntityId entity, Rows const& rows, std::size_t first, std::size_t last) {
  add_block(entity, rows.ticks(), rows, first, last);
}

void RowGroupWriter::add(EntityId entity, ColumnTable const& rows, std::size_t first,
                         std::size_t last) {
  add_block(entity, rows.ticks, rows, first, last);
}

std::size_t RowGroupWriter::finish(std::string& out, ChunkCompressor* compressor) {
  if (bytes_ > most_compressed) compressor = nullptr;
  std::string directory;
  ByteWriter writer(directory);
  writer.varint(blocks_);
  writer.raw(blocks_bytes_);
  writer.varint(chunks_.size());
  auto const begin = out.size();
  MetricId last_id = 0;
  for (auto const& [id, chunk] : chunks_) {
    writer.varint(static_cast<std::uint64_t>(id - last_id));
    last_id = id;
    auto const from = out.size();
    bool const compressed = compressor != nullptr && compressor->compress(chunk.bytes, out);
    if (!compressed) out += chunk.bytes;
    writer.varint((out.size() - from) << 1 | (compressed ? 1 : 0));
    if (compressed) writer.varint(chunk.bytes.size());
    append_crc(out, from);
  }
  auto const chunks = out.size() - begin;
  out += directory;
  append_crc(out, begin + chunks);
  chunks_.clear();
  blocks_bytes_.clear();
  last_ticks_.clear();
  last_entity_ = 0;
  blocks_ = bytes_ = 0;
  return chunks;
}

Result<RowGroup> RowGroup::read(std::string_view directory, std::uint64_t chunk_bytes) {
  RowGroup group;
  ByteReader reader(directory);
  auto const blocks = reader.varint(most_blocks);
  std::vector<TickNs> ticks;
  std::uint64_t entity = 0;
  group.blocks_.reserve(blocks);
  for (std::uint64_t place = 0; place < blocks; ++place) {
    entity += reader.varint(0xffff'ffff);
    auto const rows = reader.varint(block_rows);
    if (!reader.ok() || entity > 0xffff'ffff) return malformed_group();
    if (rows == 0) {
      if (place == 0) return malformed_group();
    } else {
      auto const coding = reader.u8();
      auto const payload = reader.string(reader.left());
      ticks.resize(rows);
      if (!decode_column(coding, payload, ticks) ||
          std::ranges::adjacent_find(ticks, std::greater_equal<>{}) != ticks.end())
        return malformed_group();
      group.ticks_.emplace_back(ticks);
    }
    group.blocks_.push_back({static_cast<EntityId>(entity), static_cast<std::uint32_t>(place),
                             static_cast<std::uint32_t>(group.ticks_.size() - 1),
                             static_cast<std::uint32_t>(group.ticks_.back().size())});
  }
  auto const columns = reader.varint(most_columns);
  std::uint64_t id = 0, offset = 0, compressed = 0;
  if (chunk_bytes > 0xffff'ffff) return malformed_group();
  for (std::uint64_t i = 0; i < columns; ++i) {
    auto const step = reader.varint(0xffff);
    id += step;
    if (id > 0xffff || (step == 0 && i > 0)) return malformed_group();
    auto const length = reader.varint(chunk_bytes << 1 | 1);
    auto const whole = (length & 1) != 0 ? reader.varint(most_compressed) : 0;
    compressed += whole;
    if (compressed > most_compressed) return malformed_group();
    group.chunks_.push_back({offset, static_cast<std::uint32_t>(length >> 1),
                             static_cast<std::uint32_t>(whole), static_cast<MetricId>(id)});
    offset += (length >> 1) + crc_bytes;
  }
  if (!reader.ok() || reader.left() > 0 || offset != chunk_bytes || blocks == 0)
    return malformed_group();
  // Thousands are kept, and room for columns that are not there would be a half of them.
  group.chunks_.shrink_to_fit();
  group.ticks_.shrink_to_fit();
  return group;
}

std::span<RowGroup::Block const> RowGroup::blocks_of(EntityId entity) const {
  // Of neighbours that have a block each, which is nearly all, the place is known.
  auto const guess =
      blocks_.begin() + std::min<std::ptrdiff_t>(
                            std::ssize(blocks_) - 1,
                            std::max<std::ptrdiff_t>(
                                0, static_cast<std::ptrdiff_t>(entity) - blocks_.front().entity));
  bool const known =
      guess->entity == entity && (guess == blocks_.begin() || std::prev(guess)->entity < entity);
  auto const first = known ? guess : std::ranges::lower_bound(blocks_, entity, {}, &Block::entity);
  auto last = first;
  while (last != blocks_.end() && last->entity == entity) ++last;
  return {first, last};
}

std::size_t RowGroup::bytes() const {
  std::size_t all = sizeof *this + blocks_.capacity() * sizeof(Block) +
                    chunks_.capacity() * sizeof(Chunk) + ticks_.capacity() * sizeof(RowTicks);
  for (RowTicks const& ticks : ticks_) all += ticks.listed_bytes();
  return all;
}

Result<std::vector<EncodedColumn>> RowGroup::columns(std::string_view chunk) const {
  std::vector<EncodedColumn> columns(blocks_.size());
  ByteReader reader(chunk);
  for (std::size_t place = 0; reader.left() > 0; ++place) {
    if (place == columns.size()) return malformed_group();
    columns[place].coding = reader.u8();
    if (columns[place].coding != lacking) columns[place].payload = reader.string(reader.left());
    // A payload that is there is never empty.
    if (!reader.ok() || (columns[place].coding != lacking && columns[place].payload.empty()))
      return malformed_group();
  }
  return columns;
}

}  // namespace dadvisor::aggregator::store
