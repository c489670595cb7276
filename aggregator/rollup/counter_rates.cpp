#include "aggregator/rollup/counter_rates.hpp"

#include "aggregator/rollup/column_rates.hpp"

namespace dadvisor::aggregator::rollup {

void CounterRates::begin() {
  last_.resize(columns_.size());
  steps_.resize(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Metric const* metric = find_metric(columns_[i]);
    if (metric && metric->kind == MetricKind::counter) counters_.push_back(i);
  }
}

std::optional<Reading> CounterRates::first_reading(WallTime tick) {
  WallTime const earliest = tick - (longest_hole + 1) * step_;
  if (start_ns_ <= earliest.time_since_epoch().count()) return {};
  std::optional<WallTime> previous;
  if (host_ != store::absent_entity) previous = host_ticks_.previous(host_, earliest, tick);
  return reading_before_first(tick, step_, start_ns_, previous);
}

void CounterRates::take(WallTime tick, std::span<Cell const> cells) {
  if (steps_.empty()) begin();
  for (std::size_t const i : counters_) {
    steps_[i] = {};
    if (!cells[i]) continue;
    Reading const now{tick, *cells[i]};
    std::optional<Reading>& last = last_[i];
    auto const before = last ? last : first_reading(tick);
    last = now;
    if (!before) continue;
    auto const made = counter_step(*before, now, step_);
    if (!made) continue;
    Step& its = steps_[i];
    its.increase = made->increase;
    its.per_second = made->per_second;
    if (!made->per_second) continue;
    its.per_step = now.tick - before->tick == step_
                       ? made->increase
                       : *made->per_second * std::chrono::duration<double>(step_).count();
  }
}

void CounterRates::per_second(std::span<store::TickNs const> ticks,
                              store::SelectedColumn const& column, std::span<double> rates) {
  column_rates(
      ticks, column, step_, [this](WallTime tick) { return first_reading(tick); }, rates);
}

}  // namespace dadvisor::aggregator::rollup
