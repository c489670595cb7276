#include "aggregator/rollup/roll_up.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "aggregator/rollup/order_statistics.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

constexpr MetricId expected_column = rollup_column(metric::state_expected, RollupPart::all);

// The figures of one metric over the instances.
struct Summary {
  double sum = 0, min = 0, max = 0, count = 0, last = 0;
  void take(double value) {
    min = count == 0 ? value : std::min(min, value);
    max = count == 0 ? value : std::max(max, value);
    sum += value;
    count += 1;
    last = value;
  }
};

// A rate times its window is the increase that it was made of: without this it is a few bits off,
// and whole numbers are stored in a third of the room.
double whole_where_close(double value) {
  double const whole = std::round(value);
  return std::abs(value - whole) <= std::abs(value) * 1e-12 ? whole : value;
}

// The values of a metric over the instances that have one; of a counter the increase.
std::vector<double> values_of(std::span<Figures const* const> instances, std::size_t index,
                              std::optional<double> window_seconds) {
  std::vector<double> values;
  for (Figures const* figures : instances) {
    if (index >= figures->size() || std::isnan((*figures)[index])) continue;
    double const value = (*figures)[index];
    values.push_back(window_seconds ? whole_where_close(value * *window_seconds) : value);
  }
  return values;
}

Summary summarise(std::vector<double> const& values) {
  Summary summary;
  for (double const value : values) summary.take(value);
  return summary;
}

void put_order(MetricId metric, std::vector<double>& values, std::map<MetricId, double>& cells) {
  if (values.empty()) return;
  auto const order = order_of(values);
  for (std::size_t i = 0; i < order_parts.size(); ++i)
    cells[rollup_column(metric, order_parts[i].first)] = order[i];
}

struct Quotient {
  double numerator = 0, denominator = 0;
  bool any = false;
  std::vector<double> each;  // the instances' own
};

// Gauges as shown, counters as shown rates, so that a quotient needs no window.
Quotient divide(std::span<Figures const* const> instances, Metric const& ratio) {
  auto const top = figure_index(ratio.numerator), bottom = figure_index(ratio.denominator);
  Quotient made;
  if (!top || !bottom) return made;
  Metric const& numerator = *figure_metrics()[*top];
  Metric const& denominator = *figure_metrics()[*bottom];
  for (Figures const* figures : instances) {
    if (figures->empty() || std::isnan((*figures)[*top]) || std::isnan((*figures)[*bottom]))
      continue;
    double const above = shown(numerator, (*figures)[*top]);
    double const below = shown(denominator, (*figures)[*bottom]);
    made.numerator += above;
    made.denominator += below;
    made.any = true;
    if (auto const own = ratio_of(ratio, above, below); ratio.ranked && own && std::isfinite(*own))
      made.each.push_back(*own);
  }
  return made;
}

RollupRow row_of(std::map<MetricId, double> const& cells, Nanoseconds window) {
  RollupRow row;
  row.window = window;
  row.columns.reserve(cells.size());
  row.values.reserve(cells.size());
  for (auto const& [column, value] : cells) {
    row.columns.push_back(column);
    row.values.push_back(value);
  }
  return row;
}

// How the cells of one column of several rows become one.
void combine(double& into, double value, MetricId column) {
  Metric const* metric = find_metric(column_metric(column));
  switch (column_part(column)) {
    case RollupPart::min:
      into = std::min(into, value);
      return;
    case RollupPart::max:
      into = std::max(into, value);
      return;
    case RollupPart::all:
      if (column == expected_column)
        into += value;
      else if (metric && metric->rollup == MetricRollup::max)
        into = std::max(into, value);
      else
        into = value;
      return;
    default:
      into += value;
  }
}

bool holds_increase(MetricId column) {
  Metric const* metric = find_metric(column_metric(column));
  return metric && metric->kind == MetricKind::counter && column_part(column) != RollupPart::count;
}

}  // namespace

std::optional<double> RollupRow::value(MetricId column) const {
  auto const found = std::ranges::lower_bound(columns, column);
  if (found == columns.end() || *found != column) return std::nullopt;
  return values[static_cast<std::size_t>(found - columns.begin())];
}

std::span<MetricId const> rollup_columns() {
  static std::vector<MetricId> const columns = [] {
    std::vector<MetricId> made{expected_column};
    for (Metric const& metric : metrics()) {
      if (!metric.on_container) continue;
      auto const column = [&](RollupPart part) { made.push_back(rollup_column(metric.id, part)); };
      if (metric.ranked)
        for (auto const& [part, fraction] : order_parts) column(part);
      switch (metric.rollup) {
        case MetricRollup::add:
          for (auto part : {RollupPart::sum, RollupPart::min, RollupPart::max, RollupPart::count})
            column(part);
          break;
        case MetricRollup::ratio:
          column(RollupPart::numerator);
          column(RollupPart::denominator);
          break;
        case MetricRollup::max:
        case MetricRollup::last:
          column(RollupPart::all);
      }
    }
    std::ranges::sort(made);
    return made;
  }();
  return columns;
}

RollupRow roll_up(std::span<Figures const* const> instances, double expected, Nanoseconds window) {
  std::map<MetricId, double> cells;
  auto const known = figure_metrics();
  for (std::size_t i = 0; i < known.size(); ++i) {
    Metric const& metric = *known[i];
    bool const counter = metric.kind == MetricKind::counter;
    auto values = values_of(instances, i, counter ? std::optional(seconds(window)) : std::nullopt);
    Summary const summary = summarise(values);
    if (summary.count == 0) continue;
    if (metric.rollup == MetricRollup::add) {
      cells[rollup_column(metric.id, RollupPart::sum)] = summary.sum;
      cells[rollup_column(metric.id, RollupPart::min)] = summary.min;
      cells[rollup_column(metric.id, RollupPart::max)] = summary.max;
      cells[rollup_column(metric.id, RollupPart::count)] = summary.count;
    } else {
      cells[rollup_column(metric.id, RollupPart::all)] =
          metric.rollup == MetricRollup::max ? summary.max : summary.last;
    }
    if (metric.ranked) put_order(metric.id, values, cells);
  }
  for (Metric const& ratio : metrics()) {
    if (ratio.rollup != MetricRollup::ratio) continue;
    Quotient quotient = divide(instances, ratio);
    if (!quotient.any) continue;
    put_order(ratio.id, quotient.each, cells);
    cells[rollup_column(ratio.id, RollupPart::numerator)] = quotient.numerator;
    cells[rollup_column(ratio.id, RollupPart::denominator)] = quotient.denominator;
  }
  cells[expected_column] = expected;
  return row_of(cells, window);
}

RollupRow merge(std::span<RollupRow const* const> rows, Nanoseconds window) {
  std::map<MetricId, double> cells;
  for (RollupRow const* row : rows) {
    bool const rescale = row->window != window && row->window > Nanoseconds::zero();
    double const factor = rescale ? seconds(window) / seconds(row->window) : 1;
    for (std::size_t i = 0; i < row->columns.size(); ++i) {
      MetricId const column = row->columns[i];
      if (is_order(column_part(column))) continue;  // parts of order statistics make none
      double const value =
          rescale && holds_increase(column) ? row->values[i] * factor : row->values[i];
      auto const [place, added] = cells.try_emplace(column, value);
      if (!added) combine(place->second, value, column);
    }
  }
  return row_of(cells, window);
}

}  // namespace dadvisor::aggregator::rollup
