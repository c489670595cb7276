#pragma once
// The newest rows of one entity, of the same columns, in about a fifth of the room of a table.
//
// The newest row stands as it is; each row in front of it is kept as what differs from the row
// behind it. So a row more costs one comparison, the newest goes and the oldest go without a look
// at the others, and rows are read back from the newest on, as far as they are asked for. Ticks
// only ascend: for a row that belongs in between, the owner makes all of it anew from a table. In
// memory alone: no format that a file has. Not thread-safe.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "aggregator/store/column_table.hpp"
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
  Columns const& columns() const { return columns_; }          // null: made without any
  std::vector<TickNs> const& ticks() const { return ticks_; }  // ascending
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
  using Steps = std::array<std::int64_t, 64>;  // from a row's values to those of the row before

  std::size_t words() const { return (columns_->size() + 63) / 64; }
  std::size_t width(std::size_t word) const {  // columns of a word of the bitmap
    return std::min<std::size_t>(64, columns_->size() - word * 64);
  }
  // Of one word: what tells the row before from the one behind it, which has `present`. `changed`:
  // the steps that are not 0.
  void add_difference(Steps const& steps, std::size_t width, std::uint64_t changed,
                      std::uint64_t before, std::uint64_t present);
  void add_end();
  void add_tick(TickNs tick);
  // Turns row `row` + 1 into row `row`; of each column that changes calls passed(column) before.
  template <typename Passed>
  void step_back(std::size_t row, std::span<std::int64_t> values, std::span<std::uint64_t> present,
                 Passed const& passed) const;
  void step_back(std::size_t row, std::span<std::int64_t> values,
                 std::span<std::uint64_t> present) const;
  // The same of some columns alone, which ascend.
  template <typename Ones>
  void step_back(std::size_t row, std::span<OpenColumn> columns) const;
  // Goes back from the newest row to row `first`, and puts what the columns have in rows
  // [first, last) behind `before` rows.
  template <typename Ones>
  void walk(std::span<OpenColumn> columns, std::size_t first, std::size_t last, std::size_t before,
            SelectedRows& out) const;
  template <typename Ones>
  void walk_one(OpenColumn column, std::size_t first, std::size_t last, std::size_t before,
                SelectedRows& out) const;
  static void show(OpenColumn const& column, std::size_t row, SelectedRows& out);
  void walk_by_instruction(std::span<OpenColumn> columns, std::size_t first, std::size_t last,
                           std::size_t before, SelectedRows& out) const;

  Columns columns_;
  std::vector<TickNs> ticks_;
  std::vector<std::uint8_t> differences_;  // of all rows but the newest, by tick ascending
  std::vector<std::uint32_t> ends_;        // of each in there
  std::vector<std::int64_t> values_;       // of the newest row; of what it lacks, the last one
  std::vector<std::uint64_t> present_;     // of the newest row
};

template <typename Give>
void OpenRows::append(TickNs tick, Give const& give) {
  for (std::size_t word = 0; word < words(); ++word) {
    Steps steps;
    std::uint64_t present = 0, changed = 0;
    std::int64_t* const values = values_.data() + word * 64;
    for (std::size_t i = 0; i < width(word); ++i) {
      Cell const& cell = give(word * 64 + i);
      std::int64_t const value = cell.value_or(values[i]);
      steps[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[i]) -
                                           static_cast<std::uint64_t>(value));
      changed |= std::uint64_t{values[i] != value} << i;
      values[i] = value;
      present |= std::uint64_t{cell.has_value()} << i;
    }
    if (!empty()) add_difference(steps, width(word), changed, present_[word], present);
    present_[word] = present;
  }
  if (!empty()) add_end();
  add_tick(tick);
}

}  // namespace dadvisor::aggregator::store
