#include "aggregator/rollup/row_columns.hpp"

#include <algorithm>
#include <cmath>

#include "aggregator/rollup/order_statistics.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

constexpr MetricId expected_column = rollup_column(metric::state_expected, RollupPart::all);

Combining combining_of(Metric const& metric, RollupPart part) {
  if (is_order(part)) return Combining::never;
  switch (part) {
    case RollupPart::min:
      return Combining::least;
    case RollupPart::max:
      return Combining::greatest;
    case RollupPart::all:
      if (metric.id == metric::state_expected) return Combining::add;
      return metric.rollup == MetricRollup::max ? Combining::greatest : Combining::last;
    default:
      return Combining::add;
  }
}

std::vector<RollupPart> parts_of(Metric const& metric) {
  using enum RollupPart;
  std::vector<RollupPart> parts;
  if (metric.ranked)
    for (auto const& [part, fraction] : order_parts) parts.push_back(part);
  switch (metric.rollup) {
    case MetricRollup::add:
      parts.insert(parts.end(), {sum, min, max, count});
      break;
    case MetricRollup::ratio:
      parts.insert(parts.end(), {numerator, denominator});
      break;
    case MetricRollup::max:
    case MetricRollup::last:
      parts.push_back(all);
  }
  return parts;
}

}  // namespace

RowColumns::RowColumns() {
  for (Metric const& metric : metrics()) {
    if (!metric.on_container) continue;
    for (RollupPart const part : parts_of(metric)) add(metric, part);
  }
  add(*find_metric(metric::state_expected), RollupPart::all);
  std::ranges::sort(columns_, {}, &Column::id);
  for (Column const& column : columns_) ids_.push_back(column.id);
  for (Metric const* metric : figure_metrics()) {
    figures_.push_back(places_of(metric->id));
    counters_.push_back(metric->kind == MetricKind::counter ? -1 : 0);
  }
  for (Metric const& metric : metrics())
    if (metric.rollup == MetricRollup::ratio && metric.on_container)
      ratios_.push_back({&metric, *figure_index(metric.numerator),
                         *figure_index(metric.denominator), places_of(metric.id)});
  expected_ = place(expected_column);
}

void RowColumns::add(Metric const& metric, RollupPart part) {
  bool const increase = metric.kind == MetricKind::counter && part != RollupPart::count;
  columns_.push_back({rollup_column(metric.id, part), combining_of(metric, part), increase});
}

std::size_t RowColumns::place(MetricId column) const {
  return static_cast<std::size_t>(std::ranges::lower_bound(ids_, column) - ids_.begin());
}

RowColumns::Places RowColumns::places_of(MetricId metric) const {
  Places places{};
  for (std::size_t part = 0; part < places.size(); ++part)
    places[part] =
        static_cast<std::uint16_t>(place(rollup_column(metric, static_cast<RollupPart>(part))));
  return places;
}

RowColumns const& row_columns() {
  static RowColumns const made;
  return made;
}

RollupRow RowDraft::row(Nanoseconds window) const {
  auto const& ids = row_columns().ids();
  RollupRow made;
  made.window = window;
  made.columns.reserve(values_.size());
  made.values.reserve(values_.size());
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (std::isnan(values_[i])) continue;
    made.columns.push_back(ids[i]);
    made.values.push_back(values_[i]);
  }
  return made;
}

}  // namespace dadvisor::aggregator::rollup
