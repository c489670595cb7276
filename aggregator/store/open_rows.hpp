#pragma once
// The newest rows of one entity, of the same columns, in about a fifth of the room of a table.
//
// The newest row stands as it is; each row in front of it is kept as the steps of its columns from
// the row behind it. All steps of a column take the same bytes, as many as the widest needs: so a
// column is read at an even stride from the newest row back, as far as it is asked for, and without
// a look at the others. When a step comes that does not fit, all rows are written anew. Ticks only
// ascend: for a row that belongs in between, the owner makes all of it anew from a table. In memory
// alone: no format that a file has. Not thread-safe.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "aggregator/store/column_table.hpp"
#include "aggregator/store/row_ticks.hpp"
#include "aggregator/store/rows.hpp"
#include "aggregator/store/selected_rows.hpp"

namespace dadvisor::aggregator::store {

class OpenRows {
 public:
  using Columns = std::shared_ptr<std::vector<MetricId> const>;  // ascending, unique

  OpenRows() = default;
  explicit OpenRows(Columns columns);
  // All rows of a table whose columns these are.
  OpenRows(Columns columns, Rows const& table);

  std::size_t size() const { return ticks_.size(); }
  bool empty() const { return ticks_.empty(); }
  Columns const& columns() const { return columns_; }  // null: made without any
  RowTicks const& ticks() const { return ticks_; }
  // Of the newest row: a bitmap over the columns, and its cells.
  std::span<std::uint64_t const> newest_present() const { return present_; }
  Cell newest(std::size_t column) const {
    bool const present = (present_[column / 64] >> (column % 64)) & 1;
    return present ? Cell(values_[column]) : std::nullopt;
  }

  // A row behind all others; give(column) is its cell.
  template <typename Give>
  void append(TickNs tick, Give const& give);
  void drop_newest();                  // there must be one
  void drop_oldest(std::size_t rows);  // so many must be there

  // Appends what `selection` asks of the rows with from <= tick <= until.
  void select(Selection const& selection, TickNs from, TickNs until, SelectedRows& out) const;
  // A hint that they are read soon: their memory is asked for.
  void fetch() const;
  // The same of an append().
  void expect_row() const;
  // The rows from `from` on.
  Rows table(TickNs from = std::numeric_limits<TickNs>::min()) const;
  // The rows of places [first, last).
  Rows table(std::size_t first, std::size_t last) const;
  // The oldest `rows` of them, not none, as columns, without those that have no value. False: not
  // all of these rows have the same cells, and what is in `made` is undefined. A column is written
  // where its values change alone, at a fraction of what a table by rows costs.
  bool oldest(std::size_t rows, ColumnTable& made) const;

 private:
  // How a column's steps are written: the zigzag of a step without its `skipped` lowest bytes,
  // which are 0 in all of them (doubles change at the upper end), in `bytes` bytes. A byte in
  // bytes_.
  struct Shape {
    unsigned bytes = 0, skipped = 0;

    static Shape of(std::uint8_t byte) { return {byte & 15u, static_cast<unsigned>(byte >> 4)}; }
    std::uint8_t byte() const { return static_cast<std::uint8_t>(bytes | skipped << 4); }
    static Shape least(std::int64_t step);  // in which this one fits
    Shape joined(Shape other) const;        // in which all fit that fit either
    bool fits(std::int64_t step) const;
  };
  class Steps;
  static constexpr std::size_t slack = sizeof(std::uint64_t);  // that words are read beyond

  std::size_t words() const { return (columns_->size() + 63) / 64; }
  std::size_t steps() const { return empty() ? 0 : size() - 1; }  // rows that are kept as steps
  template <typename Give>
  void append(TickNs tick, Give const& give, std::span<std::int64_t> steps);
  void add_steps(std::span<std::int64_t const> steps);
  bool put_steps(std::span<std::int64_t const> steps);
  void keep_present();  // of the newest row, in front of one with other cells
  // Writes rows from `first` on anew, in these shapes, in which all of their steps fit.
  void reshape(std::span<Shape const> shapes, std::size_t first);
  Steps steps_of(std::size_t column) const;
  // Turns row `row` + 1 into row `row`.
  void step_back(std::size_t row, std::span<std::int64_t> values) const;
  // Calls visit(row, bitmap) for each row that has not the cells of the row behind it, newest
  // first, down to row `first`.
  template <typename Visit>
  void visit_others(std::size_t first, Visit const& visit) const;
  void show_absent(std::size_t column, std::size_t place, std::size_t first, std::size_t last,
                   std::size_t before, SelectedRows& out) const;

  Columns columns_;
  RowTicks ticks_;
  // A shape for each column; the steps of all rows but the newest, by tick ascending, of each by
  // column; slack.
  std::vector<std::uint8_t> bytes_;
  std::uint32_t stride_ = 0;            // bytes of a row's steps
  std::vector<std::int64_t> values_;    // of the newest row; of what it lacks, the last one
  std::vector<std::uint64_t> present_;  // of the newest row
  // Of each row that has not the cells of the row behind it, by tick ascending: its place, and its
  // bitmap. Mostly none.
  std::vector<std::uint64_t> others_;
};

template <typename Give>
void OpenRows::append(TickNs tick, Give const& give) {
  constexpr std::size_t few = 64;
  std::size_t const count = columns_->size();
  if (count <= few) {
    std::array<std::int64_t, few> steps;
    append(tick, give, std::span(steps).first(count));
  } else {
    std::vector<std::int64_t> steps(count);
    append(tick, give, steps);
  }
}

template <typename Give>
void OpenRows::append(TickNs tick, Give const& give, std::span<std::int64_t> steps) {
  bool alike = true;
  for (std::size_t word = 0; word < words(); ++word) {
    std::size_t const begin = word * 64, end = std::min(begin + 64, steps.size());
    std::uint64_t present = 0;
    for (std::size_t column = begin; column < end; ++column) {
      Cell const& cell = give(column);
      std::int64_t const value = cell.value_or(values_[column]);
      steps[column] = static_cast<std::int64_t>(static_cast<std::uint64_t>(values_[column]) -
                                                static_cast<std::uint64_t>(value));
      values_[column] = value;
      present |= std::uint64_t{cell.has_value()} << (column - begin);
    }
    if (alike && present != present_[word] && !empty()) keep_present();
    alike = alike && present == present_[word];
    present_[word] = present;
  }
  if (!empty()) add_steps(steps);
  ticks_.append(tick);
}

}  // namespace dadvisor::aggregator::store
