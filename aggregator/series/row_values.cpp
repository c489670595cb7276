#include "aggregator/series/row_values.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "aggregator/rollup/counter_rates.hpp"

namespace dadvisor::aggregator::series {
namespace {

using MaybeValue = std::optional<double>;

// Makes the values of one entity's rows, which must be given by tick ascending.
class RowReader {
 public:
  RowReader(rollup::HostTicks& host_ticks, store::EntityInfo const& entity, store::EntityId host,
            std::span<Leaf const> leaves)
      : entity_(entity), leaves_(leaves) {
    for (Leaf const& leaf : leaves) {
      auto const [first, second] = leaf.columns();
      columns_.push_back(first);
      if (second != 0) columns_.push_back(second);
      any_rate_ = any_rate_ || leaf.view == View::rate || leaf.view == View::ratio;
    }
    if (rolled_up()) columns_.push_back(row_step_column);
    std::ranges::sort(columns_);
    auto const repeated = std::ranges::unique(columns_);
    columns_.erase(repeated.begin(), repeated.end());
    for (Leaf const& leaf : leaves) {
      auto const [first, second] = leaf.columns();
      places_.emplace_back(place(first), second != 0 ? place(second) : 0);
    }
    if (rolled_up()) step_place_ = place(row_step_column);
    if (any_rate_) rates_.emplace(host_ticks, entity, host, columns_);
  }

  std::vector<MetricId> const& columns() const { return columns_; }
  // How long before the first value rows are needed.
  Nanoseconds reach() const { return rates_ ? rates_->reach() : Nanoseconds{}; }

  // Takes a row; its values are wanted when `visit` is given.
  void row(WallTime tick, std::span<Cell const> cells, ValueVisitor const* visit) {
    if (rates_) rates_->take(tick, cells);
    step_ = entity_.step;
    if (rolled_up() && cells[step_place_]) step_ = Nanoseconds(*cells[step_place_]);
    if (!visit) return;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      MaybeValue const made = value(leaves_[i], places_[i], cells);
      if (made && std::isfinite(*made)) (*visit)(i, tick, *made);
    }
  }

 private:
  bool rolled_up() const {
    EntityKind const kind = entity_.entity.key.kind;
    return kind == EntityKind::app || kind == EntityKind::total;
  }
  std::size_t place(MetricId column) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(columns_, column) - columns_.begin());
  }

  // The shown rate of a stored counter.
  MaybeValue rate(std::size_t index) const {
    auto const made = rates_->per_second(index);
    return made ? MaybeValue(shown(*find_metric(columns_[index]), *made)) : MaybeValue();
  }

  static double stored(Metric const& metric, std::int64_t cell) {
    return metric.type == MetricType::real ? cell_real(cell) : static_cast<double>(cell);
  }
  // A counter as its rate, a gauge as it is.
  MaybeValue operand(std::size_t index, std::span<Cell const> cells) const {
    Metric const* metric = find_metric(columns_[index]);
    if (metric->kind == MetricKind::counter) return rate(index);
    if (!cells[index]) return {};
    return shown(*metric, stored(*metric, *cells[index]));
  }
  // A column of a rollup row; what holds a counter's increase as a rate.
  MaybeValue part(Metric const& metric, RollupPart which, Cell const& cell) const {
    if (!cell) return {};
    double const value = cell_real(*cell);
    if (which == RollupPart::count) return value;
    if (metric.kind != MetricKind::counter) return shown(metric, value);
    return shown(metric, value / std::chrono::duration<double>(step_).count());
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
        return rate(first);
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
      case View::foreign:  // read by read_foreign()
        break;
      case View::part_ratio:
        if (!cells[first] || !cells[second]) return {};
        return ratio_of(metric, cell_real(*cells[first]), cell_real(*cells[second]));
    }
    return {};
  }

  store::EntityInfo const& entity_;
  Nanoseconds step_{};  // of the row at hand
  std::size_t step_place_ = 0;
  std::span<Leaf const> leaves_;
  std::vector<MetricId> columns_;                            // sorted, unique
  std::vector<std::pair<std::size_t, std::size_t>> places_;  // per leaf: into columns_
  std::optional<rollup::CounterRates> rates_;                // when a leaf needs one
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
