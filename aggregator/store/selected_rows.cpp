#include "aggregator/store/selected_rows.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace dadvisor::aggregator::store {

Selection::Selection(std::span<MetricId const> columns) {
  for (std::size_t place = 0; place < columns.size(); ++place)
    places_.emplace_back(columns[place], place);
  std::sort(places_.begin(), places_.end());
}

void SelectedRows::clear() {
  ticks.clear();
  settled = true;
  for (SelectedColumn& column : columns) {
    column.values.clear();
    column.has.clear();
  }
}

void SelectedRows::begin_rows(std::size_t width, std::span<TickNs const> more) {
  settled = settled && (ticks.empty() || more.empty() || ticks.back() < more.front());
  ticks.append(more);
  widen(width);
}

void SelectedRows::begin_rows(std::size_t width, RowTicks const& more, std::size_t first,
                              std::size_t last) {
  settled = settled && (ticks.empty() || ticks.back() < more[first]);
  ticks.append(more, first, last);
  widen(width);
}

void SelectedRows::widen(std::size_t width) {
  columns.resize(width);
  for (SelectedColumn& column : columns) {
    column.values.resize(ticks.size());
    if (!column.has.empty()) column.has.resize(ticks.size(), 1);
  }
}

void SelectedRows::set(std::size_t place, std::size_t row, Cell const& cell) {
  SelectedColumn& column = columns[place];
  if (!cell && column.has.empty()) column.has.assign(ticks.size(), 1);
  if (!column.has.empty()) column.has[row] = cell ? 1 : 0;
  column.values[row] = cell.value_or(0);
}

void SelectedRows::lack(std::size_t place, std::size_t row) {
  auto& [values, has] = columns[place];
  if (has.empty()) has.assign(ticks.size(), 1);
  std::fill(has.begin() + static_cast<std::ptrdiff_t>(row), has.end(), 0);
  std::fill(values.begin() + static_cast<std::ptrdiff_t>(row), values.end(), 0);
}

void SelectedRows::take(SelectedRows& more) {
  if (more.ticks.empty()) return;
  if (ticks.empty()) {
    std::swap(ticks, more.ticks);
    columns.swap(more.columns);
    std::swap(settled, more.settled);
    return;
  }
  std::size_t const before = ticks.size();
  settled = settled && more.settled && ticks.back() < more.ticks.front();
  ticks.append(more.ticks);
  widen(more.columns.size());
  for (std::size_t place = 0; place < columns.size(); ++place) {
    SelectedColumn const& from = more.columns[place];
    SelectedColumn& into = columns[place];
    auto const at = static_cast<std::ptrdiff_t>(before);
    std::ranges::copy(from.values, into.values.begin() + at);
    if (from.has.empty()) continue;
    if (into.has.empty()) into.has.assign(ticks.size(), 1);
    std::ranges::copy(from.has, into.has.begin() + at);
  }
}

void SelectedRows::cut(std::size_t row) {
  ticks.cut(row);
  for (SelectedColumn& column : columns) {
    column.values.resize(row);
    if (!column.has.empty()) column.has.resize(row);
  }
}

void SelectedRows::settle(OfOneTick of_one_tick) {
  if (settled) return;
  std::vector<std::size_t> order(ticks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t row) { return ticks[row]; });
  std::vector<TickNs> ascending;
  std::vector<SelectedColumn> made(columns.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && ticks[order[last]] == ticks[order[first]]) ++last;
    ascending.push_back(ticks[order[first]]);
    std::size_t const row = order[of_one_tick == OfOneTick::first ? first : last - 1];
    for (std::size_t place = 0; place < columns.size(); ++place) {
      Cell cell = columns[place].cell(row);
      if (of_one_tick == OfOneTick::cells)
        for (std::size_t i = last - 1; !cell && i-- > first;) cell = columns[place].cell(order[i]);
      made[place].values.push_back(cell.value_or(0));
      made[place].has.push_back(cell ? 1 : 0);
    }
    first = last;
  }
  ticks.assign(ascending);
  columns = std::move(made);
  settled = true;
}

void SelectedRows::erase_ticks(std::function<bool(TickNs)> const& gone) {
  std::vector<TickNs> stay;
  for (std::size_t row = 0; row < ticks.size(); ++row) {
    if (gone(ticks[row])) continue;
    std::size_t const left = stay.size();
    stay.push_back(ticks[row]);
    if (left != row) {
      for (SelectedColumn& column : columns) {
        column.values[left] = column.values[row];
        if (!column.has.empty()) column.has[left] = column.has[row];
      }
    }
  }
  cut(stay.size());
  ticks.assign(stay);
}

}  // namespace dadvisor::aggregator::store
