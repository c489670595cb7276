#include "aggregator/rollup/counter_rates.hpp"

#include <limits>

namespace dadvisor::aggregator::rollup {

CounterRates::CounterRates(HostTicks& host_ticks, store::EntityInfo const& entity,
                           store::EntityId host, std::span<MetricId const> columns)
    : host_ticks_(host_ticks),
      host_(host),
      start_ns_(entity.entity.key.start_ns),
      step_(entity.step),
      last_(columns.size()),
      steps_(columns.size()) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Metric const* metric = find_metric(columns[i]);
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
  // One step after the other, as nearly always, needs no more than this of counter_step().
  double const seconds = std::chrono::duration<double>(step_).count();
  std::optional<Reading> last;
  for (std::size_t row = 0; row < ticks.size(); ++row) {
    rates[row] = std::numeric_limits<double>::quiet_NaN();
    if (!column.has.empty() && column.has[row] == 0) continue;
    Reading const now{store::from_tick_ns(ticks[row]), column.values[row]};
    auto const before = last ? last : first_reading(now.tick);
    last = now;
    if (!before) continue;
    if (now.tick - before->tick == step_ && before->value >= 0 && now.value >= before->value &&
        seconds > 0) {
      rates[row] = static_cast<double>(now.value - before->value) / seconds;
    } else if (auto const made = counter_step(*before, now, step_); made && made->per_second) {
      rates[row] = *made->per_second;
    }
  }
}

}  // namespace dadvisor::aggregator::rollup
