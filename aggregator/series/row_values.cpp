#include "aggregator/series/row_values.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/core/metric/rate.hpp"

namespace dadvisor::aggregator::series {
namespace {

using MaybeValue = std::optional<double>;

// Makes the values of one entity's rows, which must be given by tick ascending.
class RowReader {
 public:
  RowReader(rollup::HostTicks& host_ticks, store::EntityInfo const& entity, store::EntityId host,
            std::span<Leaf const> leaves)
      : host_ticks_(host_ticks), entity_(entity), host_(host), leaves_(leaves) {
    for (Leaf const& leaf : leaves) {
      auto const [first, second] = leaf.columns();
      columns_.push_back(first);
      if (second != 0) columns_.push_back(second);
      any_rate_ = any_rate_ || leaf.view == View::rate || leaf.view == View::ratio;
    }
    std::ranges::sort(columns_);
    auto const repeated = std::ranges::unique(columns_);
    columns_.erase(repeated.begin(), repeated.end());
    for (Leaf const& leaf : leaves) {
      auto const [first, second] = leaf.columns();
      places_.emplace_back(place(first), second != 0 ? place(second) : 0);
    }
    rates_.resize(columns_.size());
    last_.resize(columns_.size());
  }

  std::vector<MetricId> const& columns() const { return columns_; }
  // How long before the first value rows are needed.
  Nanoseconds reach() const { return any_rate_ ? longest_hole * entity_.step : Nanoseconds{}; }

  // Takes a row; its values are wanted when `visit` is given.
  void row(WallTime tick, std::span<Cell const> cells, ValueVisitor const* visit) {
    for (std::size_t i = 0; i < columns_.size(); ++i) rates_[i] = rate(i, tick, cells[i]);
    if (!visit) return;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      MaybeValue const made = value(leaves_[i], places_[i], cells);
      if (made && std::isfinite(*made)) (*visit)(i, tick, *made);
    }
  }

 private:
  std::size_t place(MetricId column) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(columns_, column) - columns_.begin());
  }

  // The shown rate of a stored counter; absent for every other column.
  MaybeValue rate(std::size_t index, WallTime tick, Cell const& cell) {
    Metric const* metric = find_metric(columns_[index]);
    if (!any_rate_ || !cell || !metric || metric->kind != MetricKind::counter) return {};
    Reading const now{tick, *cell};
    std::optional<Reading>& last = last_[index];
    auto const before = last ? last : first_reading(tick);
    last = now;
    if (!before) return {};
    auto const made = counter_step(*before, now, entity_.step);
    if (!made || !made->per_second) return {};
    return shown(*metric, *made->per_second);
  }

  std::optional<Reading> first_reading(WallTime tick) {
    std::int64_t const start = entity_.entity.key.start_ns;
    Nanoseconds const step = entity_.step;
    WallTime const earliest = tick - (longest_hole + 1) * step;
    if (start <= earliest.time_since_epoch().count()) return {};
    std::optional<WallTime> previous;
    if (host_ != store::absent_entity) previous = host_ticks_.previous(host_, earliest, tick);
    return reading_before_first(tick, step, start, previous);
  }

  static double stored(Metric const& metric, std::int64_t cell) {
    return metric.type == MetricType::real ? cell_real(cell) : static_cast<double>(cell);
  }
  // A counter as its rate, a gauge as it is.
  MaybeValue operand(std::size_t index, std::span<Cell const> cells) const {
    Metric const* metric = find_metric(columns_[index]);
    if (metric->kind == MetricKind::counter) return rates_[index];
    if (!cells[index]) return {};
    return shown(*metric, stored(*metric, *cells[index]));
  }
  // A column of a rollup row; what holds a counter's increase as a rate.
  MaybeValue part(Metric const& metric, RollupPart which, Cell const& cell) const {
    if (!cell) return {};
    double const value = cell_real(*cell);
    if (which == RollupPart::count) return value;
    if (metric.kind != MetricKind::counter) return shown(metric, value);
    return shown(metric, value / std::chrono::duration<double>(entity_.step).count());
  }

  MaybeValue value(Leaf const& leaf, std::pair<std::size_t, std::size_t> place,
                   std::span<Cell const> cells) const {
    auto const [first, second] = place;
    Metric const& metric = *leaf.metric;
    switch (leaf.view) {
      case View::stored:
        if (!cells[first]) return {};
        return shown(metric, stored(metric, *cells[first]));
      case View::rate:
        return rates_[first];
      case View::ratio: {
        auto const top = operand(first, cells), bottom = operand(second, cells);
        if (!top || !bottom) return {};
        return ratio_of(metric, *top, *bottom);
      }
      case View::part:
        return part(metric, leaf.part, cells[first]);
      case View::average: {
        auto const sum = part(metric, RollupPart::sum, cells[first]);
        if (!sum || !cells[second] || cell_real(*cells[second]) == 0) return {};
        return *sum / cell_real(*cells[second]);
      }
      case View::part_ratio:
        if (!cells[first] || !cells[second]) return {};
        return ratio_of(metric, cell_real(*cells[first]), cell_real(*cells[second]));
    }
    return {};
  }

  rollup::HostTicks& host_ticks_;
  store::EntityInfo const& entity_;
  store::EntityId const host_;
  std::span<Leaf const> leaves_;
  std::vector<MetricId> columns_;                            // sorted, unique
  std::vector<std::pair<std::size_t, std::size_t>> places_;  // per leaf: into columns_
  std::vector<std::optional<Reading>> last_;                 // per column
  std::vector<MaybeValue> rates_;                            // per column, of the row at hand
  bool any_rate_ = false;
};

}  // namespace

Result<void> read_values(store::Store const& store, rollup::HostTicks& host_ticks,
                         store::EntityInfo const& entity, store::EntityId host,
                         std::span<Leaf const> leaves, WallTime from, WallTime until,
                         ValueVisitor const& visit) {
  RowReader reader(host_ticks, entity, host, leaves);
  return store.scan(entity.id, reader.columns(), from - reader.reach(), until,
                    [&](WallTime tick, std::span<Cell const> cells) {
                      reader.row(tick, cells, tick < from ? nullptr : &visit);
                    });
}

}  // namespace dadvisor::aggregator::series
