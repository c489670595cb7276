#include "aggregator/store/block.hpp"

#include <algorithm>

#include "aggregator/store/encoded_column.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

// No block is larger; these guard allocation.
constexpr std::uint64_t most_rows = 1 << 16;
constexpr std::uint64_t most_cells = 1 << 22;

// Walks over a block: ticks first, then column by column; what is not asked for is skipped.
class BlockReader {
 public:
  BlockReader(std::string_view bytes, BlockScratch& scratch)
      : reader_(bytes), ticks_(scratch.ticks) {
    auto const rows = reader_.varint(most_rows);
    columns_left_ = reader_.varint(1 << 16);
    auto const coding = reader_.u8();
    auto const payload = reader_.string(reader_.left());
    ticks_.resize(rows);
    if (rows == 0 || rows * columns_left_ > most_cells || !reader_.ok() ||
        !decode_column(coding, payload, ticks_)) {
      reader_.fail();
      ticks_.clear();
    }
  }
  bool ok() const { return reader_.ok(); }
  void fail() { reader_.fail(); }
  std::vector<TickNs> const& ticks() const { return ticks_; }

  // Goes to the next column; false at the end or when the block is malformed (see ok).
  bool next() {
    if (!reader_.ok() || columns_left_ == 0) return false;
    --columns_left_;
    auto const step = reader_.varint(0xffff);
    if (last_id_ + step > 0xffff || (step == 0 && started_)) reader_.fail();
    started_ = true;
    last_id_ += step;
    encoded_.coding = reader_.u8();
    encoded_.payload = reader_.string(reader_.left());
    return reader_.ok();
  }
  MetricId column() const { return static_cast<MetricId>(last_id_); }
  EncodedColumn const& encoded() const { return encoded_; }

 private:
  ByteReader reader_;
  std::uint64_t columns_left_ = 0, last_id_ = 0;
  bool started_ = false;
  EncodedColumn encoded_;
  std::vector<TickNs>& ticks_;
};

Error malformed() { return Error{Errc::malformed, 0, "block"}; }

template <typename Table>
void write_block(Table const& table, std::span<TickNs const> ticks, std::size_t first,
                 std::size_t last, std::string& out, Effort effort) {
  ColumnEncoder encoder(effort);
  std::string columns, payload;
  std::uint64_t count = 0;
  MetricId last_id = 0;
  visit_columns(table, first, last, [&](MetricId id, auto values, std::string_view bitmap) {
    payload.clear();
    auto const coding = encode_column(encoder, values, bitmap, payload);
    ByteWriter writer(columns);
    writer.varint(static_cast<std::uint64_t>(id - last_id));
    last_id = id;
    writer.u8(coding);
    writer.string(payload);
    ++count;
  });
  payload.clear();
  auto const coding = encoder.encode(ticks.subspan(first, last - first), payload);
  ByteWriter writer(out);
  writer.varint(last - first);
  writer.varint(count);
  writer.u8(coding);
  writer.string(payload);
  writer.raw(columns);
}

}  // namespace

void encode_block(Rows const& rows, std::size_t first, std::size_t last, std::string& out,
                  Effort effort) {
  write_block(rows, rows.ticks(), first, last, out, effort);
}

void encode_block(ColumnTable const& table, std::size_t first, std::size_t last, std::string& out,
                  Effort effort) {
  write_block(table, table.ticks, first, last, out, effort);
}

Result<void> append_block(std::string_view bytes, ColumnTable& table) {
  BlockScratch scratch;
  BlockReader reader(bytes, scratch);
  if (!reader.ok()) return malformed();
  TableAppender appender(table, reader.ticks().size());
  while (reader.next())
    if (!append_column(reader.encoded(), reader.ticks().size(), table.ticks.size(),
                       appender.column(reader.column())))
      reader.fail();
  if (!reader.ok()) return malformed();
  appender.finish(reader.ticks());
  return {};
}

Result<Rows> decode_block(std::string_view bytes) {
  ColumnTable table;
  if (auto read = append_block(bytes, table); !read) return read.error();
  return rows_of(table);
}

Result<void> select_block(std::string_view bytes, Selection const& selection, TickNs from,
                          TickNs until, SelectedRows& out) {
  BlockReader reader(bytes, out.scratch);
  if (!reader.ok()) return malformed();
  auto const& ticks = reader.ticks();
  auto const first =
      static_cast<std::size_t>(std::lower_bound(ticks.begin(), ticks.end(), from) - ticks.begin());
  auto const last =
      static_cast<std::size_t>(std::upper_bound(ticks.begin(), ticks.end(), until) - ticks.begin());
  if (first >= last) return {};
  std::size_t const before = out.ticks.size();
  out.begin_rows(selection.width(), std::span(ticks).subspan(first, last - first));
  auto const wanted = selection.places();
  auto next = wanted.begin();
  auto const lack_until = [&](auto end) {
    for (; next != end; ++next) out.lack(next->second, before);
  };
  // Columns ascend: behind the last one that is wanted there is nothing to see.
  while (next != wanted.end() && reader.next()) {
    auto const of = [](auto const& place) { return place.first; };
    lack_until(std::ranges::lower_bound(next, wanted.end(), reader.column(), {}, of));
    if (next == wanted.end() || next->first != reader.column()) continue;
    SelectedColumn& column = out.columns[next->second];
    if (!select_column(reader.encoded(), ticks.size(), first, last, before, out.scratch, column))
      reader.fail();
    for (++next; next != wanted.end() && next->first == reader.column(); ++next)
      out.columns[next->second] = column;
  }
  lack_until(wanted.end());
  if (reader.ok()) return {};
  out.cut(before);
  return malformed();
}

}  // namespace dadvisor::aggregator::store
