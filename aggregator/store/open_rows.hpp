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
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "aggregator/store/column_table.hpp"
#include "aggregator/store/row_ticks.hpp"
#include "aggregator/store/rows.hpp"
#include "aggregator/store/selected_rows.hpp"
#include "common/core/frame/bytes.hpp"

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
    bool fits(std::int64_t step) const { return beyond(folded(step), step) == 0; }
    // The zigzag of what is written of a step.
    std::uint64_t folded(std::int64_t step) const { return zigzag(step >> (8 * skipped)); }
    // Not 0: bits of a step, or of its zigzag, that it has no room for.
    std::uint64_t beyond(std::uint64_t bits, std::int64_t step) const {
      return (static_cast<std::uint64_t>(step) & low_bytes[skipped]) | (bits & ~low_bytes[bytes]);
    }
  };
  class Steps;
  static constexpr std::size_t slack = sizeof(std::uint64_t);  // that words are read beyond
  // The lowest bytes of a word, from none to all of them.
  static constexpr std::array<std::uint64_t, 9> low_bytes = [] {
    std::array<std::uint64_t, 9> made{};
    for (unsigned bytes = 1; bytes < made.size(); ++bytes)
      made[bytes] = ~std::uint64_t{0} >> (64 - 8 * bytes);
    return made;
  }();

  std::size_t words() const { return (columns_->size() + 63) / 64; }
  std::size_t steps() const { return empty() ? 0 : size() - 1; }  // rows that are kept as steps
  template <typename Give>
  void append(TickNs tick, Give const& give, std::span<std::int64_t> steps);
  std::uint8_t* add_room();  // for one row's steps; where they begin
  // Writes rows anew so that these steps, which did not fit in the room for them, do.
  void widen_for(std::span<std::int64_t const> steps);
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

// Once over the columns: what a row costs is the way of its cells, its values and its shapes into
// the cache, and back again.
template <typename Give>
void OpenRows::append(TickNs tick, Give const& give, std::span<std::int64_t> steps) {
  bool const first = empty();
  std::uint8_t* out = first ? nullptr : add_room();
  std::uint8_t const* const shapes = bytes_.data();
  std::int64_t* const values = values_.data();
  std::uint64_t beyond = 0;
  bool alike = true;
  for (std::size_t word = 0; word < words(); ++word) {
    std::size_t const begin = word * 64, end = std::min(begin + 64, steps.size());
    std::uint64_t present = 0;
    for (std::size_t column = begin; column < end; ++column) {
      Cell const& cell = give(column);
      std::int64_t const before = values[column];
      std::int64_t const value = cell.has_value() ? *cell : before;
      values[column] = value;
      present |= std::uint64_t{cell.has_value()} << (column - begin);
      if (first) continue;
      auto const step = static_cast<std::int64_t>(static_cast<std::uint64_t>(before) -
                                                  static_cast<std::uint64_t>(value));
      steps[column] = step;
      Shape const its = Shape::of(shapes[column]);
      auto const bits = its.folded(step);
      beyond |= its.beyond(bits, step);
      std::memcpy(out, &bits, sizeof bits);
      out += its.bytes;
    }
    if (alike && present != present_[word] && !first) keep_present();
    alike = alike && present == present_[word];
    present_[word] = present;
  }
  if (beyond != 0) widen_for(steps);
  ticks_.append(tick);
}

}  // namespace dadvisor::aggregator::store
