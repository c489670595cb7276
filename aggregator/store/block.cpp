#include "aggregator/store/block.hpp"

#include <algorithm>
#include <bit>

#include "aggregator/store/column.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::uint8_t sparse_flag = 0x80;    // a bitmap of the rows that have a value is in front
constexpr std::uint64_t most_rows = 1 << 16;  // no block is longer; guards allocation

// Walks over a block: ticks first, then column by column; what is not asked for is skipped.
class BlockReader {
 public:
  explicit BlockReader(std::string_view bytes) : reader_(bytes) {
    auto const rows = reader_.varint(most_rows);
    columns_left_ = reader_.varint(1 << 16);
    auto const coding = reader_.u8();
    auto const payload = reader_.string(reader_.left());
    ticks_.resize(rows);
    if (rows == 0 || !reader_.ok() || !decoder_.decode(coding, payload, ticks_)) {
      reader_.fail();
      ticks_.clear();
    }
  }
  bool ok() const { return reader_.ok(); }
  std::vector<TickNs> const& ticks() const { return ticks_; }

  // Goes to the next column; false at the end or when the block is malformed (see ok).
  bool next() {
    if (!reader_.ok() || columns_left_ == 0) return false;
    --columns_left_;
    auto const step = reader_.varint(0xffff);
    if (last_id_ + step > 0xffff || (step == 0 && started_)) reader_.fail();
    started_ = true;
    last_id_ += step;
    coding_ = reader_.u8();
    payload_ = reader_.string(reader_.left());
    return reader_.ok();
  }
  MetricId column() const { return static_cast<MetricId>(last_id_); }

  // Calls give(row, value) for each value of the column in rows [first, last).
  template <typename Give>
  void read(std::size_t first, std::size_t last, Give const& give) {
    if ((coding_ & sparse_flag) == 0) {
      values_.resize(ticks_.size());
      if (!decoder_.decode(coding_, payload_, values_)) return reader_.fail();
      for (std::size_t row = first; row < last; ++row) give(row, values_[row]);
      return;
    }
    ByteReader reader(payload_);
    auto const bitmap = reader.raw((ticks_.size() + 7) / 8);
    std::size_t count = 0;
    for (char const byte : bitmap)
      count += static_cast<unsigned>(std::popcount(static_cast<unsigned char>(byte)));
    if (!reader.ok() || count == 0 || count > ticks_.size()) return reader_.fail();
    values_.resize(count);
    if (!decoder_.decode(coding_ & ~sparse_flag & 0xff, reader.raw(reader.left()), values_))
      return reader_.fail();
    std::size_t next = 0;
    for (std::size_t row = 0; row < last && next < count; ++row) {
      if (((static_cast<unsigned char>(bitmap[row / 8]) >> (row % 8)) & 1) == 0) continue;
      if (row >= first) give(row, values_[next]);
      ++next;
    }
  }

 private:
  ByteReader reader_;
  ColumnDecoder decoder_;
  std::uint64_t columns_left_ = 0, last_id_ = 0;
  bool started_ = false;
  std::uint8_t coding_ = 0;
  std::string_view payload_;
  std::vector<TickNs> ticks_;
  std::vector<std::int64_t> values_;
};

Error malformed() { return Error{Errc::malformed, 0, "block"}; }

}  // namespace

void encode_block(Rows const& rows, std::size_t first, std::size_t last, std::string& out) {
  std::size_t const count = last - first;
  ColumnEncoder encoder;
  std::string payloads, payload;
  std::vector<std::int64_t> values(count);
  std::uint64_t columns = 0;
  MetricId before = 0;
  for (std::size_t column = 0; column < rows.columns().size(); ++column) {
    std::size_t have = 0;
    for (std::size_t row = first; row < last; ++row)
      if (rows.has(row, column)) values[have++] = rows.value(row, column);
    if (have == 0) continue;
    ++columns;
    payload.clear();
    bool const sparse = have < count;
    if (sparse) {
      payload.resize((count + 7) / 8, '\0');
      for (std::size_t row = 0; row < count; ++row)
        if (rows.has(first + row, column))
          payload[row / 8] = static_cast<char>(payload[row / 8] | (1 << (row % 8)));
    }
    auto const coding = encoder.encode(std::span(values).first(have), payload);
    ByteWriter all(payloads);
    all.varint(static_cast<std::uint64_t>(rows.columns()[column] - before));
    before = rows.columns()[column];
    all.u8(static_cast<std::uint8_t>(coding | (sparse ? sparse_flag : 0)));
    all.string(payload);
  }
  payload.clear();
  auto const coding = encoder.encode(std::span(rows.ticks()).subspan(first, count), payload);
  ByteWriter writer(out);
  writer.varint(count);
  writer.varint(columns);
  writer.u8(coding);
  writer.string(payload);
  writer.raw(payloads);
}

Result<std::vector<TickNs>> decode_block_ticks(std::string_view bytes) {
  BlockReader reader(bytes);
  if (!reader.ok()) return malformed();
  return reader.ticks();
}

Result<Rows> decode_block(std::string_view bytes) {
  std::vector<MetricId> columns;
  BlockReader names(bytes);
  while (names.next()) columns.push_back(names.column());
  BlockReader reader(bytes);
  Rows rows(std::move(columns));
  for (TickNs const tick : reader.ticks()) rows.insert(rows.size(), tick);
  for (std::size_t column = 0; reader.next(); ++column)
    reader.read(0, rows.size(),
                [&](std::size_t row, std::int64_t value) { rows.set(row, column, value); });
  if (!names.ok() || !reader.ok()) return malformed();
  return rows;
}

Selection::Selection(std::span<MetricId const> columns) {
  for (std::size_t place = 0; place < columns.size(); ++place)
    places_.emplace_back(columns[place], place);
  std::sort(places_.begin(), places_.end());
}

std::span<std::pair<MetricId, std::size_t> const> Selection::of(MetricId metric) const {
  auto const before = [](auto const& a, auto const& b) { return a.first < b.first; };
  auto const [first, last] =
      std::equal_range(places_.begin(), places_.end(), std::pair(metric, std::size_t{0}), before);
  return {first, last};
}

Result<void> select_block(std::string_view bytes, Selection const& selection, TickNs from,
                          TickNs until, SelectedRows& out) {
  BlockReader reader(bytes);
  if (!reader.ok()) return malformed();
  auto const& ticks = reader.ticks();
  auto const first =
      static_cast<std::size_t>(std::lower_bound(ticks.begin(), ticks.end(), from) - ticks.begin());
  auto const last =
      static_cast<std::size_t>(std::upper_bound(ticks.begin(), ticks.end(), until) - ticks.begin());
  if (first >= last) return {};
  auto const rows_before = out.ticks.size(), cells_before = out.cells.size();
  out.ticks.insert(out.ticks.end(), ticks.begin() + static_cast<std::ptrdiff_t>(first),
                   ticks.begin() + static_cast<std::ptrdiff_t>(last));
  out.cells.resize(cells_before + (last - first) * selection.width());
  while (reader.next()) {
    auto const places = selection.of(reader.column());
    if (places.empty()) continue;
    reader.read(first, last, [&](std::size_t row, std::int64_t value) {
      for (auto const& [metric, place] : places)
        out.cells[cells_before + (row - first) * selection.width() + place] = value;
    });
  }
  if (reader.ok()) return {};
  out.ticks.resize(rows_before);
  out.cells.resize(cells_before);
  return malformed();
}

void select_rows(Rows const& rows, Selection const& selection, TickNs from, TickNs until,
                 SelectedRows& out) {
  std::size_t const first = rows.find(from);
  std::size_t last = first;
  while (last < rows.size() && rows.ticks()[last] <= until) ++last;
  auto const before = out.cells.size();
  for (std::size_t row = first; row < last; ++row) out.ticks.push_back(rows.ticks()[row]);
  out.cells.resize(before + (last - first) * selection.width());
  for (std::size_t column = 0; column < rows.columns().size(); ++column)
    for (auto const& [metric, place] : selection.of(rows.columns()[column]))
      for (std::size_t row = first; row < last; ++row)
        if (rows.has(row, column))
          out.cells[before + (row - first) * selection.width() + place] = rows.value(row, column);
}

}  // namespace dadvisor::aggregator::store
