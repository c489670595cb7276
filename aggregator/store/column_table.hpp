#pragma once
// Rows of one entity, column by column: what blocks decode to and are made of where many rows pass
// through at once, in spills and merges. Not thread-safe.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "aggregator/store/rows.hpp"

namespace dadvisor::aggregator::store {

struct TableColumn {
  MetricId id = 0;
  std::vector<std::int64_t> values;  // of the rows that have one, in their order
  std::vector<std::uint8_t> has;     // 1 for each row that has one; empty: all rows do
};

struct ColumnTable {
  std::vector<TickNs> ticks;
  std::vector<TableColumn> columns;  // by id ascending

  void clear();
  // Brings rows that were appended in any order to ticks ascending, each tick once.
  void settle(OfOneTick of_one_tick);
  // Takes out the rows of the ticks for which gone(tick) is true.
  void erase_ticks(std::function<bool(TickNs)> const& gone);
  // Takes out the values of one of the columns at these ticks.
  void erase_values(TableColumn& column, std::function<bool(TickNs)> const& gone) const;
  // Takes out columns and rows without a value.
  void erase_empty();

 private:
  // For each row that is left those that it is made of; of these the first that has a cell gives
  // it.
  using SourceRows = std::vector<std::span<std::size_t const>>;
  void keep(SourceRows const& rows);
  void keep_rows(std::vector<std::size_t> const& left);
};

// Appends rows to a table, column by column. After an error the table is to be cleared.
class TableAppender {
 public:
  TableAppender(ColumnTable& table, std::size_t rows) : table_(table), rows_(rows) {}
  // The column of this id, by id ascending, for the rows to be put behind those that it has.
  TableColumn& column(MetricId id);
  // The rows' ticks, when their columns are there.
  void finish(std::span<TickNs const> ticks);

 private:
  // None of the rows has the next column.
  void pass();

  ColumnTable& table_;
  std::size_t const rows_;
  std::size_t next_ = 0;
};

// The same rows as a table by rows; their ticks must ascend.
Rows rows_of(ColumnTable const& table);

}  // namespace dadvisor::aggregator::store
