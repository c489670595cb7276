#include "aggregator/store/block.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "aggregator/store/column.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::uint8_t sparse_flag = 0x80;  // a bitmap of the rows that have a value is in front
// No block is larger; these guard allocation.
constexpr std::uint64_t most_rows = 1 << 16;
constexpr std::uint64_t most_cells = 1 << 22;

// Walks over a block: ticks first, then column by column; what is not asked for is skipped.
class BlockReader {
 public:
  BlockReader(std::string_view bytes, BlockScratch& scratch)
      : reader_(bytes), decoder_(scratch.decoder), ticks_(scratch.ticks), values_(scratch.values) {
    auto const rows = reader_.varint(most_rows);
    columns_left_ = reader_.varint(1 << 16);
    auto const coding = reader_.u8();
    auto const payload = reader_.string(reader_.left());
    ticks_.resize(rows);
    if (rows == 0 || rows * columns_left_ > most_cells || !reader_.ok() ||
        !decoder_.decode(coding, payload, ticks_)) {
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
      if (!decoder_.decode(dense_coding(), payload_, values_)) return reader_.fail();
      for (std::size_t row = first; row < last; ++row) give(row, values_[row]);
      return;
    }
    std::size_t const count = open_sparse();
    values_.resize(count);
    if (count == 0 || !decoder_.decode(dense_coding(), payload_, values_)) return reader_.fail();
    std::size_t next = 0;
    for (std::size_t row = 0; row < last && next < count; ++row) {
      if (!in_bitmap(row)) continue;
      if (row >= first) give(row, values_[next]);
      ++next;
    }
  }

  // Puts rows [first, last) behind `before` rows of a selected column, which has room for them.
  void select(std::size_t first, std::size_t last, std::size_t before, SelectedColumn& column) {
    if ((coding_ & sparse_flag) != 0) {
      if (column.has.empty()) column.has.assign(column.values.size(), 1);
      std::fill(column.has.begin() + static_cast<std::ptrdiff_t>(before), column.has.end(), 0);
      read(first, last, [&](std::size_t row, std::int64_t value) {
        column.values[before + row - first] = value;
        column.has[before + row - first] = 1;
      });
      return;
    }
    auto const its = std::span(column.values).subspan(before);
    if (its.size() == ticks_.size()) {
      if (!decoder_.decode(dense_coding(), payload_, its)) reader_.fail();
      return;
    }
    values_.resize(ticks_.size());
    if (!decoder_.decode(dense_coding(), payload_, values_)) return reader_.fail();
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(first), last - first, its.begin());
  }

  // Appends the column behind `before` rows of a table's.
  void append(TableColumn& column, std::size_t before) {
    std::size_t const rows = ticks_.size();
    std::size_t count = rows;
    if (coding_ & sparse_flag) {
      count = open_sparse();
      if (count == 0) return reader_.fail();
      if (column.has.empty()) column.has.assign(before, 1);
      for (std::size_t row = 0; row < rows; ++row) column.has.push_back(in_bitmap(row) ? 1 : 0);
    } else if (!column.has.empty()) {
      column.has.insert(column.has.end(), rows, 1);
    }
    column.values.resize(column.values.size() + count);
    auto const its = std::span(column.values).last(count);
    if (!decoder_.decode(dense_coding(), payload_, its)) reader_.fail();
  }

 private:
  // Takes the bitmap from the payload; how many rows it has, 0 when it is malformed.
  std::size_t open_sparse() {
    ByteReader reader(payload_);
    bitmap_ = reader.raw((ticks_.size() + 7) / 8);
    if (!reader.ok()) return 0;
    payload_ = reader.raw(reader.left());
    std::size_t count = 0;
    for (char const byte : bitmap_)
      count += static_cast<unsigned>(std::popcount(static_cast<unsigned char>(byte)));
    bool const beyond = ticks_.size() % 8 != 0 &&
                        static_cast<unsigned char>(bitmap_.back()) >> (ticks_.size() % 8) != 0;
    return beyond ? 0 : count;
  }
  bool in_bitmap(std::size_t row) const {
    return (static_cast<unsigned char>(bitmap_[row / 8]) >> (row % 8)) & 1;
  }
  std::uint8_t dense_coding() const { return coding_ & (sparse_flag - 1); }

  ByteReader reader_;
  ColumnDecoder& decoder_;
  std::uint64_t columns_left_ = 0, last_id_ = 0;
  bool started_ = false;
  std::uint8_t coding_ = 0;
  std::string_view payload_, bitmap_;
  std::vector<TickNs>& ticks_;
  std::vector<std::int64_t>& values_;
};

Error malformed() { return Error{Errc::malformed, 0, "block"}; }

// Writes rows as blocks, column by column.
class BlockWriter {
 public:
  // A column's values in the rows that have one; `bitmap` is of `rows` rows, empty: all have one.
  void column(MetricId id, std::span<std::int64_t const> values, std::string_view bitmap) {
    if (values.empty()) return;
    payload_.assign(bitmap);
    auto const coding = encoder_.encode(values, payload_);
    ByteWriter writer(columns_);
    writer.varint(static_cast<std::uint64_t>(id - last_id_));
    last_id_ = id;
    writer.u8(static_cast<std::uint8_t>(coding | (bitmap.empty() ? 0 : sparse_flag)));
    writer.string(payload_);
    ++count_;
  }
  void finish(std::span<TickNs const> ticks, std::string& out) {
    payload_.clear();
    auto const coding = encoder_.encode(ticks, payload_);
    ByteWriter writer(out);
    writer.varint(ticks.size());
    writer.varint(count_);
    writer.u8(coding);
    writer.string(payload_);
    writer.raw(columns_);
  }

 private:
  ColumnEncoder encoder_;
  std::string columns_, payload_;
  std::uint64_t count_ = 0;
  MetricId last_id_ = 0;
};

void set_bit(std::string& bitmap, std::size_t row) {
  bitmap[row / 8] = static_cast<char>(bitmap[row / 8] | (1 << (row % 8)));
}

}  // namespace

void encode_block(Rows const& rows, std::size_t first, std::size_t last, std::string& out) {
  std::size_t const count = last - first;
  BlockWriter writer;
  std::string bitmap;
  std::vector<std::int64_t> values(count);
  // Nearly always a column has a value in all rows or in none.
  std::vector<std::uint64_t> in_all(rows.words(), ~std::uint64_t{0}), in_any(rows.words(), 0);
  for (std::size_t row = first; row < last; ++row) {
    auto const present = rows.present(row);
    for (std::size_t word = 0; word < present.size(); ++word) {
      in_all[word] &= present[word];
      in_any[word] |= present[word];
    }
  }
  for (std::size_t column = 0; column < rows.columns().size(); ++column) {
    if (((in_any[column / 64] >> (column % 64)) & 1) == 0) continue;
    bitmap.clear();
    std::size_t have = count;
    if ((in_all[column / 64] >> (column % 64)) & 1) {
      for (std::size_t row = 0; row < count; ++row) values[row] = rows.value(first + row, column);
    } else {
      have = 0;
      bitmap.resize((count + 7) / 8, '\0');
      for (std::size_t row = 0; row < count; ++row) {
        if (!rows.has(first + row, column)) continue;
        set_bit(bitmap, row);
        values[have++] = rows.value(first + row, column);
      }
    }
    writer.column(rows.columns()[column], std::span(values).first(have), bitmap);
  }
  writer.finish(std::span(rows.ticks()).subspan(first, count), out);
}

void encode_block(ColumnTable const& table, std::size_t first, std::size_t last, std::string& out) {
  std::size_t const count = last - first;
  BlockWriter writer;
  std::string bitmap;
  for (TableColumn const& column : table.columns) {
    bitmap.clear();
    std::size_t begin = first, have = count;
    if (!column.has.empty()) {
      auto const its = std::span(column.has);
      auto const number = [](std::span<std::uint8_t const> rows) {
        return static_cast<std::size_t>(std::accumulate(rows.begin(), rows.end(), 0));
      };
      begin = number(its.first(first));
      have = number(its.subspan(first, count));
      if (have < count) bitmap.resize((count + 7) / 8, '\0');
      if (have < count)
        for (std::size_t row = 0; row < count; ++row)
          if (its[first + row] != 0) set_bit(bitmap, row);
    }
    writer.column(column.id, std::span(column.values).subspan(begin, have), bitmap);
  }
  writer.finish(std::span(table.ticks).subspan(first, count), out);
}

Result<void> append_block(std::string_view bytes, ColumnTable& table) {
  BlockScratch scratch;
  BlockReader reader(bytes, scratch);
  if (!reader.ok()) return malformed();
  std::size_t const before = table.ticks.size(), rows = reader.ticks().size();
  auto& columns = table.columns;
  // Rows on either side of the seam that lack the column: from now on it says which have it.
  auto const lacks = [](TableColumn& column, std::size_t had, std::size_t lacking) {
    if (column.has.empty()) column.has.assign(had, 1);
    column.has.insert(column.has.end(), lacking, 0);
  };
  std::size_t at = 0;
  while (reader.next()) {
    while (at < columns.size() && columns[at].id < reader.column())
      lacks(columns[at++], before, rows);
    if (at == columns.size() || columns[at].id != reader.column()) {
      auto const made = columns.emplace(columns.begin() + static_cast<std::ptrdiff_t>(at));
      made->id = reader.column();
      made->has.assign(before, 0);
    }
    reader.append(columns[at++], before);
  }
  while (at < columns.size()) lacks(columns[at++], before, rows);
  if (!reader.ok()) return malformed();
  table.ticks.insert(table.ticks.end(), reader.ticks().begin(), reader.ticks().end());
  return {};
}

Result<std::vector<TickNs>> decode_block_ticks(std::string_view bytes) {
  BlockScratch scratch;
  BlockReader reader(bytes, scratch);
  if (!reader.ok()) return malformed();
  return reader.ticks();
}

Result<Rows> decode_block(std::string_view bytes) {
  std::vector<MetricId> columns;
  BlockScratch scratch;
  BlockReader names(bytes, scratch);
  while (names.next()) columns.push_back(names.column());
  BlockReader reader(bytes, scratch);
  Rows rows(std::move(columns));
  for (TickNs const tick : reader.ticks()) rows.insert(rows.size(), tick);
  for (std::size_t column = 0; reader.next(); ++column)
    reader.read(0, rows.size(),
                [&](std::size_t row, std::int64_t value) { rows.set(row, column, value); });
  if (!names.ok() || !reader.ok()) return malformed();
  return rows;
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
    reader.select(first, last, before, column);
    for (++next; next != wanted.end() && next->first == reader.column(); ++next)
      out.columns[next->second] = column;
  }
  lack_until(wanted.end());
  if (reader.ok()) return {};
  out.cut(before);
  return malformed();
}

}  // namespace dadvisor::aggregator::store
