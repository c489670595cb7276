#include "aggregator/store/column_table.hpp"

#include <algorithm>
#include <numeric>
#include <span>

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

// The column's values in a new order of rows. Each row is the first of its list that has a value.
void reorder(TableColumn& column, std::vector<std::span<std::size_t const>> const& rows,
             std::size_t before) {
  std::vector<std::size_t> place(before, nowhere);  // of a row's value
  std::size_t next = 0;
  for (std::size_t row = 0; row < before; ++row)
    if (column.has.empty() || column.has[row] != 0) place[row] = next++;
  TableColumn ordered;
  ordered.id = column.id;
  ordered.has.reserve(rows.size());
  for (auto const& its : rows) {
    auto const found =
        std::ranges::find_if(its, [&](std::size_t row) { return place[row] != nowhere; });
    ordered.has.push_back(found != its.end() ? 1 : 0);
    if (found != its.end()) ordered.values.push_back(column.values[place[*found]]);
  }
  if (ordered.values.size() == rows.size()) ordered.has.clear();
  column = std::move(ordered);
}

}  // namespace

void ColumnTable::clear() {
  ticks.clear();
  columns.clear();
}

void ColumnTable::settle(OfOneTick of_one_tick) {
  if (std::ranges::adjacent_find(ticks, std::greater_equal<>{}) == ticks.end()) return;
  std::vector<std::size_t> order(ticks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t row) { return ticks[row]; });
  std::vector<std::span<std::size_t const>> rows;  // of each tick, what counts first
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && ticks[order[last]] == ticks[order[first]]) ++last;
    auto const its = std::span(order).subspan(first, last - first);
    if (of_one_tick != OfOneTick::first) std::ranges::reverse(its);
    rows.push_back(of_one_tick == OfOneTick::cells ? its : its.first(1));
    first = last;
  }
  keep(rows);
}

void ColumnTable::erase_ticks(std::function<bool(TickNs)> const& gone) {
  std::vector<std::size_t> left;
  for (std::size_t row = 0; row < ticks.size(); ++row)
    if (!gone(ticks[row])) left.push_back(row);
  keep_rows(left);
}

void ColumnTable::erase_values(TableColumn& column, std::function<bool(TickNs)> const& gone) const {
  TableColumn left;
  left.id = column.id;
  left.has.assign(ticks.size(), 0);
  std::size_t next = 0;
  for (std::size_t row = 0; row < ticks.size(); ++row) {
    if (!column.has.empty() && column.has[row] == 0) continue;
    std::int64_t const value = column.values[next++];
    if (gone(ticks[row])) continue;
    left.has[row] = 1;
    left.values.push_back(value);
  }
  if (left.values.size() < column.values.size()) column = std::move(left);
}

void ColumnTable::erase_empty() {
  std::erase_if(columns, [](TableColumn const& column) { return column.values.empty(); });
  std::vector<std::size_t> left;
  for (std::size_t row = 0; row < ticks.size(); ++row)
    if (std::ranges::any_of(columns, [&](TableColumn const& column) {
          return column.has.empty() || column.has[row] != 0;
        }))
      left.push_back(row);
  keep_rows(left);
}

void ColumnTable::keep_rows(std::vector<std::size_t> const& left) {
  if (left.size() == ticks.size()) return;
  SourceRows rows;
  rows.reserve(left.size());
  for (std::size_t const& row : left) rows.emplace_back(&row, 1);
  keep(rows);
}

void ColumnTable::keep(SourceRows const& rows) {
  for (TableColumn& column : columns) reorder(column, rows, ticks.size());
  std::erase_if(columns, [](TableColumn const& column) { return column.values.empty(); });
  std::vector<TickNs> kept;
  kept.reserve(rows.size());
  for (auto const& its : rows) kept.push_back(ticks[its.front()]);
  ticks = std::move(kept);
}

TableColumn& TableAppender::column(MetricId id) {
  auto& columns = table_.columns;
  while (next_ < columns.size() && columns[next_].id < id) pass();
  if (next_ == columns.size() || columns[next_].id != id) {
    auto const made = columns.emplace(columns.begin() + static_cast<std::ptrdiff_t>(next_));
    made->id = id;
    made->has.assign(table_.ticks.size(), 0);
  }
  return columns[next_++];
}

// From now on the column says which rows have it.
void TableAppender::pass() {
  TableColumn& column = table_.columns[next_++];
  if (column.has.empty()) column.has.assign(table_.ticks.size(), 1);
  column.has.insert(column.has.end(), rows_, 0);
}

void TableAppender::finish(std::span<TickNs const> ticks) {
  while (next_ < table_.columns.size()) pass();
  table_.ticks.insert(table_.ticks.end(), ticks.begin(), ticks.end());
}

Rows rows_of(ColumnTable const& table) {
  std::vector<MetricId> ids;
  for (TableColumn const& column : table.columns) ids.push_back(column.id);
  Rows rows(std::move(ids));
  for (TickNs const tick : table.ticks) rows.insert(rows.size(), tick);
  for (std::size_t place = 0; place < table.columns.size(); ++place) {
    TableColumn const& column = table.columns[place];
    std::size_t next = 0;
    for (std::size_t row = 0; row < rows.size(); ++row)
      if (column.has.empty() || column.has[row] != 0) rows.set(row, place, column.values[next++]);
  }
  return rows;
}

}  // namespace dadvisor::aggregator::store
