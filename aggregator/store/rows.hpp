#pragma once
// Rows of one entity, row by row: the open tail of the head, and what a block decodes to.
//
// A flat table: a tick, a bitmap of the cells that are there and a value per column for each row.
// No allocation per row or cell beyond the vectors' growth. Not thread-safe.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

// Nanoseconds since the epoch: WallTime without its type, as it stands in tables and files.
using TickNs = std::int64_t;
inline TickNs tick_ns(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_tick_ns(TickNs tick) { return WallTime(Nanoseconds(tick)); }

// What counts when there are several rows of one tick, by the order of their writing.
enum class OfOneTick {
  first,   // of agents: sent again is the same
  newest,  // of put()
  cells,   // of foreign entities: each cell's newest
};

class Rows {
 public:
  explicit Rows(std::vector<MetricId> columns = {}) : columns_(std::move(columns)) {}
  // So many rows without values.
  Rows(std::vector<MetricId> columns, std::vector<TickNs> ticks)
      : columns_(std::move(columns)),
        ticks_(std::move(ticks)),
        present_(ticks_.size() * words(), 0),
        values_(ticks_.size() * columns_.size(), 0) {}

  std::size_t size() const { return ticks_.size(); }
  bool empty() const { return ticks_.empty(); }
  std::vector<MetricId> const& columns() const { return columns_; }  // ascending, unique
  std::vector<TickNs> const& ticks() const { return ticks_; }        // ascending
  std::size_t words() const { return (columns_.size() + 63) / 64; }  // of a row's bitmap

  bool has(std::size_t row, std::size_t column) const {
    return (present_[row * words() + column / 64] >> (column % 64)) & 1;
  }
  std::int64_t value(std::size_t row, std::size_t column) const {  // 0 where there is none
    return values_[row * columns_.size() + column];
  }
  std::span<std::int64_t const> values(std::size_t row) const {
    return {values_.data() + row * columns_.size(), columns_.size()};
  }
  std::span<std::uint64_t const> present(std::size_t row) const {
    return {present_.data() + row * words(), words()};
  }

  // The first row that is not before `tick`.
  std::size_t find(TickNs tick) const;
  // A row without values, in front of row `at`. The order of ticks is the caller's care.
  void insert(std::size_t at, TickNs tick);
  void clear_cells(std::size_t row);
  void set(std::size_t row, std::size_t column, std::int64_t value) {
    present_[row * words() + column / 64] |= std::uint64_t{1} << (column % 64);
    values_[row * columns_.size() + column] = value;
  }
  // All cells of a row that has none yet, by column.
  template <typename Give>
  void set_all(std::size_t row, Give const& give) {
    std::int64_t* const values = values_.data() + row * columns_.size();
    std::uint64_t* const present = present_.data() + row * words();
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      Cell const cell = give(column);
      values[column] = cell.value_or(0);
      present[column / 64] |= std::uint64_t{cell.has_value()} << (column % 64);
    }
  }
  // The same; values of cells that `present` does not have are left out.
  void set_row(std::size_t row, std::span<std::int64_t const> values,
               std::span<std::uint64_t const> present) {
    std::int64_t* const into = values_.data() + row * columns_.size();
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      auto const there = (present[column / 64] >> (column % 64)) & 1;
      into[column] = values[column] & -static_cast<std::int64_t>(there);
    }
    std::copy(present.begin(), present.end(), present_.data() + row * words());
  }
  // Adds columns (ascending); cells of the rows that are there are absent in new ones.
  void widen(std::span<MetricId const> columns);
  // Appends row `row` of another table, whose columns must be among these.
  void append(Rows const& other, std::size_t row);

 private:
  std::vector<MetricId> columns_;
  std::vector<TickNs> ticks_;
  std::vector<std::uint64_t> present_;
  std::vector<std::int64_t> values_;
};

}  // namespace dadvisor::aggregator::store
