#include "aggregator/rollup/counter_rates.hpp"

#include <limits>

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
  auto const rate = [this](std::optional<Reading> const& before, Reading const& now) {
    auto const made = before ? counter_step(*before, now, step_) : std::nullopt;
    return made && made->per_second ? *made->per_second : std::numeric_limits<double>::quiet_NaN();
  };
  auto const reading = [&](std::size_t row) {
    return Reading{store::from_tick_ns(ticks[row]), column.values[row]};
  };
  if (!column.has.empty()) {
    std::optional<Reading> last;
    for (std::size_t row = 0; row < ticks.size(); ++row) {
      rates[row] = std::numeric_limits<double>::quiet_NaN();
      if (column.has[row] == 0) continue;
      Reading const now = reading(row);
      rates[row] = rate(last ? last : first_reading(now.tick), now);
      last = now;
    }
    return;
  }
  if (ticks.empty()) return;
  rates[0] = rate(first_reading(store::from_tick_ns(ticks[0])), reading(0));
  // One step after the other, as nearly always, needs no more than this of counter_step().
  std::int64_t const* const values = column.values.data();
  double const seconds = std::chrono::duration<double>(step_).count();
  for (std::size_t row = 1; row < ticks.size(); ++row) {
    bool const plain = ticks[row] - ticks[row - 1] == step_.count() && values[row - 1] >= 0 &&
                       values[row] >= values[row - 1] && seconds > 0;
    rates[row] = plain ? static_cast<double>(values[row] - values[row - 1]) / seconds
                       : rate(reading(row - 1), reading(row));
  }
}

}  // namespace dadvisor::aggregator::rollup
