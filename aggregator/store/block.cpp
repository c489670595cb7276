#include "aggregator/store/block.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

// How a column's values are written. The smallest is taken for each column of each block: so
// counters, gauges and the bits of doubles need not be told apart.
enum Coding : std::uint8_t {
  constant = 0,        // one zigzag varint for all
  delta = 1,           // the first, then differences, zigzag varints
  delta_of_delta = 2,  // the first, then differences of differences
  exclusive_or = 3,    // the first as u64, then the bytes that differ
  whole_delta = 4,     // doubles that are whole numbers: those as by delta
  whole_delta_of_delta = 5,
  sparse_flag = 0x80,  // a bitmap of the rows that have a value stands in front
};
constexpr std::uint64_t most_rows = 1 << 20;  // no block is longer; guards allocation

std::int64_t minus(std::int64_t a, std::int64_t b) {  // wraps, as counters and bit patterns do
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::size_t varint_size(std::uint64_t value) {
  return static_cast<std::size_t>((std::bit_width(value | 1) + 6) / 7);
}

struct Span64 {  // the bytes of a word between its zero bytes at either end
  unsigned skipped = 0, count = 0;
};
Span64 significant(std::uint64_t word) {
  if (word == 0) return {};
  auto const low = static_cast<unsigned>(std::countr_zero(word)) / 8;
  auto const high = static_cast<unsigned>(std::countl_zero(word)) / 8;
  return {low, 8 - low - high};
}

// The whole number that these bits of a double are, if they are one that comes back bit by bit.
std::optional<std::int64_t> whole_number(std::int64_t bits) {
  constexpr double most = 9'007'199'254'740'992;  // 2^53
  double const value = std::bit_cast<double>(bits);
  if (!(value > -most && value < most)) return std::nullopt;
  auto const whole = static_cast<std::int64_t>(value);
  if (std::bit_cast<std::int64_t>(static_cast<double>(whole)) != bits) return std::nullopt;
  return whole;
}

// All of them, or nothing.
void whole_numbers(std::span<std::int64_t const> values, std::vector<std::int64_t>& wholes) {
  wholes.clear();
  for (std::int64_t const value : values) {
    auto const whole = whole_number(value);
    if (!whole) return wholes.clear();
    wholes.push_back(*whole);
  }
}

Coding coding_of_wholes(std::span<std::int64_t const> wholes, std::size_t& size) {
  std::size_t plain = varint_size(zigzag(wholes[0])), second = plain;
  std::int64_t before = 0;
  for (std::size_t i = 1; i < wholes.size(); ++i) {
    auto const difference = minus(wholes[i], wholes[i - 1]);
    plain += varint_size(zigzag(difference));
    second += varint_size(zigzag(minus(difference, before)));
    before = difference;
  }
  size = std::min(plain, second);
  return plain <= second ? whole_delta : whole_delta_of_delta;
}

// `wholes`: of whole_numbers().
Coding best_coding(std::span<std::int64_t const> values, std::span<std::int64_t const> wholes) {
  bool same = true;
  std::size_t sizes[4] = {0, varint_size(zigzag(values[0])), varint_size(zigzag(values[0])), 8};
  std::int64_t before = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    auto const difference = minus(values[i], values[i - 1]);
    same = same && difference == 0;
    sizes[delta] += varint_size(zigzag(difference));
    sizes[delta_of_delta] += varint_size(zigzag(minus(difference, before)));
    sizes[exclusive_or] +=
        1 + significant(static_cast<std::uint64_t>(values[i] ^ values[i - 1])).count;
    before = difference;
  }
  if (same) return constant;
  auto const best = std::min_element(sizes + 1, sizes + 4);
  if (!wholes.empty()) {
    std::size_t size = 0;
    auto const coding = coding_of_wholes(wholes, size);
    if (size < *best) return coding;
  }
  return static_cast<Coding>(best - sizes);
}

void write_values(ByteWriter& writer, Coding coding, std::span<std::int64_t const> values) {
  if (coding == exclusive_or)
    writer.u64(static_cast<std::uint64_t>(values[0]));
  else
    writer.varint(zigzag(values[0]));
  if (coding == constant) return;
  std::int64_t before = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    auto const difference = minus(values[i], values[i - 1]);
    if (coding == delta) {
      writer.varint(zigzag(difference));
    } else if (coding == delta_of_delta) {
      writer.varint(zigzag(minus(difference, before)));
      before = difference;
    } else {
      auto word = static_cast<std::uint64_t>(values[i] ^ values[i - 1]);
      auto const [skipped, count] = significant(word);
      writer.u8(static_cast<std::uint8_t>(skipped << 4 | count));
      for (word >>= 8 * (skipped % 8); word != 0; word >>= 8)
        writer.u8(static_cast<std::uint8_t>(word));
    }
  }
}

// Reads `count` values of a column's payload.
void read_values(ByteReader& reader, int coding, std::size_t count,
                 std::vector<std::int64_t>& values) {
  values.clear();
  if (count == 0) return reader.fail();
  values.push_back(coding == exclusive_or ? static_cast<std::int64_t>(reader.u64())
                                          : unzigzag(reader.varint()));
  if (coding == constant) return values.resize(count, values[0]);
  std::int64_t before = 0;
  while (values.size() < count && reader.ok()) {
    auto const last = values.back();
    if (coding == delta) {
      values.push_back(plus(last, unzigzag(reader.varint())));
    } else if (coding == delta_of_delta) {
      before = plus(before, unzigzag(reader.varint()));
      values.push_back(plus(last, before));
    } else {
      unsigned const shape = reader.u8();
      unsigned const skipped = shape >> 4, bytes = shape & 15;
      if (skipped + bytes > 8) return reader.fail();
      std::uint64_t word = 0;
      for (unsigned i = 0; i < bytes; ++i)
        word |= static_cast<std::uint64_t>(reader.u8()) << (8 * (skipped + i));
      values.push_back(last ^ static_cast<std::int64_t>(word));
    }
  }
}

// Walks over a block: ticks first, then column by column; what is not asked for is skipped.
class BlockReader {
 public:
  explicit BlockReader(std::string_view bytes) : reader_(bytes) {
    auto const rows = reader_.varint(most_rows);
    columns_left_ = reader_.varint(1 << 16);
    if (rows == 0 || rows > reader_.left()) {
      reader_.fail();
      return;
    }
    ticks_.reserve(rows);
    read_values(reader_, delta_of_delta, rows, ticks_);
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

  // Calls give(row, value) for each value of the column.
  template <typename Give>
  void read(Give const& give) {
    ByteReader reader(payload_);
    std::string_view bitmap;
    std::size_t count = ticks_.size();
    if (coding_ & sparse_flag) {
      bitmap = reader.raw((ticks_.size() + 7) / 8);
      count = 0;
      for (char const byte : bitmap)
        count += static_cast<unsigned>(std::popcount(static_cast<unsigned char>(byte)));
    }
    std::uint8_t const coding = coding_ & 0x7f;
    if (coding > whole_delta_of_delta || count > ticks_.size()) return reader_.fail();
    bool const whole = coding > exclusive_or;
    read_values(reader, whole ? coding - whole_delta + delta : coding, count, values_);
    if (!reader.ok() || values_.size() != count) return reader_.fail();
    if (whole)
      for (std::int64_t& value : values_)
        value = std::bit_cast<std::int64_t>(static_cast<double>(value));
    std::size_t next = 0;
    for (std::size_t row = 0; row < ticks_.size() && next < count; ++row)
      if (bitmap.empty() || (static_cast<unsigned char>(bitmap[row / 8]) >> (row % 8)) & 1)
        give(row, values_[next++]);
  }

 private:
  ByteReader reader_;
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
  std::string payloads, payload;
  std::vector<std::int64_t> values, wholes;
  values.reserve(count);
  std::uint64_t columns = 0;
  MetricId before = 0;
  for (std::size_t column = 0; column < rows.columns().size(); ++column) {
    values.clear();
    for (std::size_t row = first; row < last; ++row)
      if (rows.has(row, column)) values.push_back(rows.value(row, column));
    if (values.empty()) continue;
    ++columns;
    payload.clear();
    ByteWriter writer(payload);
    whole_numbers(values, wholes);
    Coding const coding = best_coding(values, wholes);
    bool const sparse = values.size() < count;
    if (sparse) {
      payload.resize((count + 7) / 8, '\0');
      for (std::size_t row = 0; row < count; ++row)
        if (rows.has(first + row, column))
          payload[row / 8] = static_cast<char>(payload[row / 8] | (1 << (row % 8)));
    }
    if (coding > exclusive_or)
      write_values(writer, static_cast<Coding>(coding - whole_delta + delta), wholes);
    else
      write_values(writer, coding, values);
    ByteWriter all(payloads);
    all.varint(static_cast<std::uint64_t>(rows.columns()[column] - before));
    before = rows.columns()[column];
    all.u8(static_cast<std::uint8_t>(coding | (sparse ? sparse_flag : 0)));
    all.string(payload);
  }
  ByteWriter writer(out);
  writer.varint(count);
  writer.varint(columns);
  write_values(writer, delta_of_delta, std::span(rows.ticks()).subspan(first, count));
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
    reader.read([&](std::size_t row, std::int64_t value) { rows.set(row, column, value); });
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
    reader.read([&](std::size_t row, std::int64_t value) {
      if (row < first || row >= last) return;
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
