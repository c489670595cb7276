#include "aggregator/store/encoded_column.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::uint8_t sparse_flag = 0x80;  // a bitmap of the rows that have a value is in front

void set_bit(std::string& bitmap, std::size_t row) {
  bitmap[row / 8] = static_cast<char>(bitmap[row / 8] | (1 << (row % 8)));
}

// The rows that have a value, and what the payload says behind them.
class Sparse {
 public:
  Sparse(std::string_view payload, std::size_t rows) {
    ByteReader reader(payload);
    bitmap_ = reader.raw((rows + 7) / 8);
    if (!reader.ok()) return;
    payload_ = reader.raw(reader.left());
    for (char const byte : bitmap_)
      count_ += static_cast<unsigned>(std::popcount(static_cast<unsigned char>(byte)));
    bool const beyond =
        rows % 8 != 0 && static_cast<unsigned char>(bitmap_.back()) >> (rows % 8) != 0;
    if (beyond) count_ = 0;
  }
  std::size_t count() const { return count_; }  // 0: it is malformed
  std::string_view payload() const { return payload_; }
  bool has(std::size_t row) const {
    return (static_cast<unsigned char>(bitmap_[row / 8]) >> (row % 8)) & 1;
  }

 private:
  std::string_view bitmap_, payload_;
  std::size_t count_ = 0;
};

bool is_sparse(EncodedColumn const& encoded) { return (encoded.coding & sparse_flag) != 0; }
std::uint8_t dense_coding(EncodedColumn const& encoded) {
  return encoded.coding & (sparse_flag - 1);
}

}  // namespace

void visit_columns(Rows const& rows, std::size_t first, std::size_t last,
                   ColumnVisitor const& visit) {
  std::size_t const count = last - first;
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
    visit(rows.columns()[column], std::span(values).first(have), bitmap);
  }
}

void visit_columns(ColumnTable const& table, std::size_t first, std::size_t last,
                   ColumnVisitor const& visit) {
  std::size_t const count = last - first;
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
    if (have > 0) visit(column.id, std::span(column.values).subspan(begin, have), bitmap);
  }
}

std::uint8_t encode_column(ColumnEncoder& encoder, std::span<std::int64_t const> values,
                           std::string_view bitmap, std::string& payload) {
  payload += bitmap;
  auto const coding = encoder.encode(values, payload);
  return static_cast<std::uint8_t>(coding | (bitmap.empty() ? 0 : sparse_flag));
}

bool select_column(EncodedColumn const& encoded, std::size_t rows, std::size_t first,
                   std::size_t last, std::size_t before, BlockScratch& scratch,
                   SelectedColumn& column) {
  if (is_sparse(encoded)) {
    Sparse const sparse(encoded.payload, rows);
    if (scratch.values.size() < rows) scratch.values.resize(rows);
    auto const values = std::span(scratch.values).first(sparse.count());
    if (values.empty() || !decode_column(dense_coding(encoded), sparse.payload(), values))
      return false;
    if (column.has.empty()) column.has.assign(column.values.size(), 1);
    std::fill(column.has.begin() + static_cast<std::ptrdiff_t>(before), column.has.end(), 0);
    std::fill(column.values.begin() + static_cast<std::ptrdiff_t>(before), column.values.end(), 0);
    std::size_t next = 0;
    for (std::size_t row = 0; row < last; ++row) {
      if (!sparse.has(row)) continue;
      if (row >= first) {
        column.values[before + row - first] = values[next];
        column.has[before + row - first] = 1;
      }
      ++next;
    }
    return true;
  }
  return decode_column(dense_coding(encoded), encoded.payload, rows, first,
                       std::span(column.values).subspan(before, last - first));
}

bool append_column(EncodedColumn const& encoded, std::size_t rows, std::size_t before,
                   TableColumn& column) {
  std::size_t count = rows;
  std::string_view payload = encoded.payload;
  if (is_sparse(encoded)) {
    Sparse const sparse(encoded.payload, rows);
    count = sparse.count();
    if (count == 0) return false;
    payload = sparse.payload();
    if (column.has.empty()) column.has.assign(before, 1);
    for (std::size_t row = 0; row < rows; ++row) column.has.push_back(sparse.has(row) ? 1 : 0);
  } else if (!column.has.empty()) {
    column.has.insert(column.has.end(), rows, 1);
  }
  column.values.resize(column.values.size() + count);
  return decode_column(dense_coding(encoded), payload, std::span(column.values).last(count));
}

}  // namespace dadvisor::aggregator::store
