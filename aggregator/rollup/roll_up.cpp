#include "aggregator/rollup/roll_up.hpp"

#include <algorithm>
#include <cmath>
#include <map>

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

Summary summarise(std::span<Figures const* const> instances, std::size_t index, double factor) {
  Summary summary;
  for (Figures const* figures : instances)
    if (index < figures->size() && !std::isnan((*figures)[index]))
      summary.take((*figures)[index] * factor);
  return summary;
}

struct Quotient {
  double numerator = 0, denominator = 0;
  bool any = false;
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
    made.numerator += shown(numerator, (*figures)[*top]);
    made.denominator += shown(denominator, (*figures)[*bottom]);
    made.any = true;
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
    double const factor = metric.kind == MetricKind::counter ? seconds(window) : 1;
    Summary const summary = summarise(instances, i, factor);
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
  }
  for (Metric const& ratio : metrics()) {
    if (ratio.rollup != MetricRollup::ratio) continue;
    Quotient const quotient = divide(instances, ratio);
    if (!quotient.any) continue;
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
      double const value =
          rescale && holds_increase(column) ? row->values[i] * factor : row->values[i];
      auto const [place, added] = cells.try_emplace(column, value);
      if (!added) combine(place->second, value, column);
    }
  }
  return row_of(cells, window);
}

}  // namespace dadvisor::aggregator::rollup
