#include "aggregator/series/leaf_values.hpp"

#include <algorithm>
#include <cmath>

#include "aggregator/rollup/counter_rates.hpp"
#include "common/core/two_lanes.hpp"

namespace dadvisor::aggregator::series {
namespace {

using MaybeValue = std::optional<double>;

std::vector<MetricId> columns_of(EntityKind kind, std::span<Leaf const> leaves) {
  std::vector<MetricId> columns;
  for (Leaf const& leaf : leaves) {
    auto const [first, second] = leaf.columns();
    columns.push_back(first);
    if (second != 0) columns.push_back(second);
  }
  if (kind == EntityKind::app || kind == EntityKind::total) columns.push_back(row_step_column);
  std::ranges::sort(columns);
  auto const repeated = std::ranges::unique(columns);
  columns.erase(repeated.begin(), repeated.end());
  return columns;
}

double finite(double value) { return std::isfinite(value) ? value : graphite::absent; }

// Each as it is shown.
void show_wholes(Shown const& shown_value, std::span<std::int64_t const> cells, double* out) {
  TwoWords beyond{};
  std::size_t row = 0;
  for (; row + 1 < cells.size(); row += 2) {
    auto const two = two_at<TwoIntegers>(cells.data() + row);
    beyond |= beyond_doubles(two);
    put_two(shown_value(doubles_of(two)), out + row);
  }
  for (row = any_of(beyond) == 0 ? row : 0; row < cells.size(); ++row)
    out[row] = shown_value(static_cast<double>(cells[row]));
}

// The same; what is infinite then is absent.
void show_rates(Shown const& shown_value, std::span<double const> rates, double* out) {
  std::size_t row = 0;
  for (; row + 1 < rates.size(); row += 2) {
    TwoDoubles const two = shown_value(two_at<TwoDoubles>(rates.data() + row));
    put_two(two - (two - two), out + row);  // infinity less itself is no number
  }
  for (; row < rates.size(); ++row) out[row] = finite(shown_value(rates[row]));
}

double stored(Metric const& metric, std::int64_t cell) {
  return metric.type == MetricType::real ? cell_real(cell) : static_cast<double>(cell);
}

}  // namespace

LeafValues::LeafValues(EntityKind kind, std::span<Leaf const> leaves)
    : kind_(kind), leaves_(leaves.begin(), leaves.end()), scan_(columns_of(kind, leaves)) {
  auto const columns = scan_.columns();
  auto const place = [&](MetricId column) {
    return static_cast<std::size_t>(std::ranges::lower_bound(columns, column) - columns.begin());
  };
  for (Leaf const& leaf : leaves_) {
    auto const [first, second] = leaf.columns();
    places_.push_back({place(first), second != 0 ? place(second) : 0});
    any_rate_ = any_rate_ || leaf.view == View::rate || leaf.view == View::ratio;
  }
  if (rolled_up()) step_place_ = place(row_step_column);
  for (std::size_t at = 0; any_rate_ && at < columns.size(); ++at)
    if (is_counter(at)) counters_.push_back(at);
  rates_.resize(columns.size());
  values_.resize(leaves_.size());
}

bool LeafValues::reads(EntityKind kind, std::span<Leaf const> leaves) const {
  return kind == kind_ && std::ranges::equal(leaves, leaves_);
}

Result<void> LeafValues::read(store::Store const& store, rollup::HostTicks& host_ticks,
                              HostOf const& host_of, std::span<LeafEntity const> entities,
                              WallTime from, WallTime until, EntityVisitor const& visit) {
  if (entities.empty()) return {};
  step_ = entities.front().step;
  WallTime start = from;
  if (any_rate_) start -= longest_hole * step_;
  ids_.clear();
  for (LeafEntity const& entity : entities) ids_.push_back(entity.id);
  return store.scan(ids_, start, until, scan_, [&](std::size_t i) -> Result<void> {
    make(host_ticks, host_of, entities[i], start, from);
    visit(i);
    return {};
  });
}

void LeafValues::make(rollup::HostTicks& host_ticks, HostOf const& host_of,
                      LeafEntity const& entity, WallTime start, WallTime from) {
  store::SelectedRows const& rows = scan_.rows();
  std::size_t const count = rows.ticks.size();
  // There are few in front: those that rates reach back on.
  for (first_ = 0; first_ < count && rows.ticks[first_] < store::tick_ns(from);) ++first_;
  if (any_rate_ && count > 0) {
    // Only of a life that is young at the first row does it matter when its host was heard.
    bool const young = entity.start_ns > store::tick_ns(start - (longest_hole + 1) * step_);
    auto const host = young && kind_ == EntityKind::container ? host_of(entity.info->entity.key)
                                                              : store::absent_entity;
    rollup::CounterRates rates(host_ticks, entity.start_ns, step_, host);
    for (std::size_t const place : counters_) {
      rates_[place].resize(count);
      rates.per_second(rows.ticks, rows.columns[place], rates_[place]);
    }
  }
  for (std::size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
    values_[leaf].resize(count);
    if (count > 0) make(leaf);
  }
}

bool LeafValues::has_ticks(std::size_t count, store::TickNs from, store::TickNs step) const {
  store::SelectedTicks const& ticks = scan_.rows().ticks;
  return count > 0 && ticks.size() - first_ == count && ticks[first_] >= from &&
         ticks[first_] < from + step && (count == 1 || ticks.step() == step);
}

void LeafValues::visit(ValueVisitor const& visit) const {
  auto const its = ticks();
  for (std::size_t leaf = 0; leaf < leaves_.size(); ++leaf)
    for (std::size_t row = 0; row < its.size(); ++row)
      if (double const made = of(leaf)[row]; !graphite::is_absent(made))
        visit(leaf, store::from_tick_ns(its[row]), made);
}

bool LeafValues::is_counter(std::size_t place) const {
  Metric const* metric = find_metric(scan_.columns()[place]);
  return metric && metric->kind == MetricKind::counter;
}

void LeafValues::make(std::size_t leaf) {
  Leaf const& its = leaves_[leaf];
  Places const& places = places_[leaf];
  std::vector<double>& out = values_[leaf];
  store::SelectedColumn const& column = scan_.rows().columns[places.first];
  // The two that are read by the thousand.
  if (its.view == View::stored) {
    Shown const shown_value(*its.metric);
    std::int64_t const* const cells = column.values.data();
    if (its.metric->type == MetricType::real)
      for (std::size_t row = first_; row < out.size(); ++row)
        out[row] = finite(shown_value(cell_real(cells[row])));
    else  // which is never infinite
      show_wholes(shown_value, std::span(column.values).subspan(first_), out.data() + first_);
    for (std::size_t row = first_; row < column.has.size(); ++row)
      if (column.has[row] == 0) out[row] = graphite::absent;
  } else if (its.view == View::rate) {
    Shown const shown_value(*its.metric);
    show_rates(shown_value, std::span(rates_[places.first]).subspan(first_), out.data() + first_);
  } else {
    for (std::size_t row = first_; row < out.size(); ++row)
      out[row] = finite(value(its, places, row).value_or(graphite::absent));
  }
}

// The shown rate of a stored counter.
MaybeValue LeafValues::rate(std::size_t place, std::size_t row) const {
  double const made = rates_[place][row];
  if (graphite::is_absent(made)) return {};
  return shown(*find_metric(scan_.columns()[place]), made);
}

// A counter as its rate, a gauge as it is.
MaybeValue LeafValues::operand(std::size_t place, std::size_t row) const {
  if (is_counter(place)) return rate(place, row);
  Cell const cell = scan_.rows().columns[place].cell(row);
  if (!cell) return {};
  Metric const& metric = *find_metric(scan_.columns()[place]);
  return shown(metric, stored(metric, *cell));
}

// A column of a rollup row; what holds a counter's increase as a rate.
MaybeValue LeafValues::part(Metric const& metric, RollupPart which, std::size_t place,
                            std::size_t row) const {
  auto const& columns = scan_.rows().columns;
  Cell const cell = columns[place].cell(row);
  if (!cell) return {};
  double const value = cell_real(*cell);
  if (which == RollupPart::count) return value;
  if (metric.kind != MetricKind::counter) return shown(metric, value);
  Cell const own_step = columns[step_place_].cell(row);
  Nanoseconds const step = own_step ? Nanoseconds(*own_step) : step_;
  return shown(metric, value / std::chrono::duration<double>(step).count());
}

MaybeValue LeafValues::value(Leaf const& leaf, Places const& places, std::size_t row) const {
  auto const cell = [&](std::size_t place) { return scan_.rows().columns[place].cell(row); };
  Metric const& metric = *leaf.metric;
  switch (leaf.view) {
    case View::ratio: {
      auto const top = operand(places.first, row), bottom = operand(places.second, row);
      if (!top || !bottom) return {};
      return ratio_of(metric, *top, *bottom);
    }
    case View::part:
      return part(metric, leaf.part, places.first, row);
    case View::average: {
      auto const sum = part(metric, RollupPart::sum, places.first, row);
      Cell const count = cell(places.second);
      if (!sum || !count || cell_real(*count) == 0) return {};
      return *sum / cell_real(*count);
    }
    case View::part_ratio: {
      Cell const top = cell(places.first), bottom = cell(places.second);
      if (!top || !bottom) return {};
      return ratio_of(metric, cell_real(*top), cell_real(*bottom));
    }
    case View::stored:  // made as whole columns
    case View::rate:
    case View::foreign:  // read by read_foreign()
      break;
  }
  return {};
}

}  // namespace dadvisor::aggregator::series
