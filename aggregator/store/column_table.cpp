#include "aggregator/store/column_table.hpp"

#include <algorithm>
#include <numeric>

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

// The column's values in a new order of rows.
void reorder(TableColumn& column, std::vector<std::size_t> const& rows, std::size_t before) {
  std::vector<std::size_t> place(before, nowhere);  // of a row's value
  std::size_t next = 0;
  for (std::size_t row = 0; row < before; ++row)
    if (column.has.empty() || column.has[row] != 0) place[row] = next++;
  TableColumn ordered;
  ordered.id = column.id;
  ordered.has.reserve(rows.size());
  for (std::size_t const row : rows) {
    bool const has = place[row] != nowhere;
    ordered.has.push_back(has ? 1 : 0);
    if (has) ordered.values.push_back(column.values[place[row]]);
  }
  if (ordered.values.size() == rows.size()) ordered.has.clear();
  column = std::move(ordered);
}

}  // namespace

void ColumnTable::clear() {
  ticks.clear();
  columns.clear();
}

void ColumnTable::settle(bool newest_wins) {
  if (std::ranges::adjacent_find(ticks, std::greater_equal<>{}) == ticks.end()) return;
  std::vector<std::size_t> order(ticks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t row) { return ticks[row]; });
  std::vector<std::size_t> rows;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && ticks[order[last]] == ticks[order[first]]) ++last;
    rows.push_back(order[newest_wins ? last - 1 : first]);
    first = last;
  }
  for (TableColumn& column : columns) reorder(column, rows, ticks.size());
  std::erase_if(columns, [](TableColumn const& column) { return column.values.empty(); });
  std::vector<TickNs> settled;
  settled.reserve(rows.size());
  for (std::size_t const row : rows) settled.push_back(ticks[row]);
  ticks = std::move(settled);
}

}  // namespace dadvisor::aggregator::store
