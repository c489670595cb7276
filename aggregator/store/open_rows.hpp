#pragma once
// The newest rows of one entity, of the same columns, in about a fifth of the room of a table.
//
// The newest row stands as it is; each row in front of it is kept as the steps of its columns from
// the row behind it (OpenSteps). So a column is read from the newest row back, as far as it is
// asked for, and without a look at the others. Ticks only ascend: for a row that belongs in
// between, the owner makes all of it anew from a table. In memory alone: no format that a file has.
// Not thread-safe.

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "aggregator/store/column_table.hpp"
#include "aggregator/store/open_steps.hpp"
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
  std::span<std::uint64_t const> newest_present() const {
    // An integer may be read as its unsigned counterpart.
    return {reinterpret_cast<std::uint64_t const*>(newest_.data()) + width(), words()};
  }
  Cell newest(std::size_t column) const {
    bool const present = (newest_present()[column / 64] >> (column % 64)) & 1;
    return present ? Cell(newest_[column]) : std::nullopt;
  }

  // A row behind all others: a value of each column, and a bitmap of those that are there; what the
  // value of another is does not matter.
  void append(TickNs tick, std::span<std::int64_t const> row,
              std::span<std::uint64_t const> its_present);
  void drop_newest();                  // there must be one
  void drop_oldest(std::size_t rows);  // so many must be there

  // Appends what `selection` asks of the rows with from <= tick <= until.
  void select(Selection const& selection, TickNs from, TickNs until, SelectedRows& out) const;
  // Hints that this is done soon, whose memory is asked for: expect_steps(); select(); append().
  void expect_selection(Selection const& selection) const;
  void expect_steps(Selection const& selection) const;
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
  std::size_t width() const { return steps_.columns(); }
  std::size_t words() const { return (width() + 63) / 64; }
  std::vector<std::uint64_t> newest_bitmap() const {
    auto const its = newest_present();
    return {its.begin(), its.end()};
  }
  std::span<std::int64_t> values() { return std::span(newest_).first(width()); }
  std::span<std::uint64_t> present() {
    return {reinterpret_cast<std::uint64_t*>(newest_.data()) + width(), words()};
  }
  void append(TickNs tick, std::span<std::int64_t const> row,
              std::span<std::uint64_t const> its_present, std::span<std::int64_t> steps);
  void keep_present();  // of the newest row, in front of one with other cells
  // Calls visit(column, place) for each place of a column that is here, visit_none(place) for the
  // others.
  template <typename Visit, typename VisitNone>
  void visit_selected(Selection const& selection, Visit const& visit,
                      VisitNone const& visit_none) const;
  // Calls visit(row, bitmap) for each row that has not the cells of the row behind it, newest
  // first, down to row `first`.
  template <typename Visit>
  void visit_others(std::size_t first, Visit const& visit) const;
  void show_absent(std::size_t column, std::size_t place, std::size_t first, std::size_t last,
                   std::size_t before, SelectedRows& out) const;

  Columns columns_;
  RowTicks ticks_;
  OpenSteps steps_;  // of all rows but the newest
  // The values of the newest row, of what it lacks the last one; then its bitmap: both are there in
  // one place, for whoever reads of thousands of entities waits for each.
  std::vector<std::int64_t> newest_;
  // Of each row that has not the cells of the row behind it, by tick ascending: its place, and its
  // bitmap. Mostly none.
  std::vector<std::uint64_t> others_;
};

}  // namespace dadvisor::aggregator::store
