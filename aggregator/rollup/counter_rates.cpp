#include "aggregator/rollup/counter_rates.hpp"

#include "aggregator/rollup/column_rates.hpp"

namespace dadvisor::aggregator::rollup {

std::optional<Reading> CounterRates::first_reading(WallTime tick) {
  // No start before it is counted from 0, whatever tick of the host's was before.
  WallTime const earliest = tick - (longest_hole + 1) * step_ - naming_grace;
  if (start_ns_ <= earliest.time_since_epoch().count()) return {};
  std::optional<WallTime> previous;
  if (host_ != store::absent_entity) previous = host_ticks_.previous(host_, earliest, tick);
  return reading_before_first(tick, step_, start_ns_, previous);
}

void CounterRates::per_second(store::SelectedTicks const& ticks,
                              store::SelectedColumn const& column, std::span<double> rates) {
  column_rates(
      ticks, column, step_, [this](WallTime tick) { return first_reading(tick); }, rates);
}

}  // namespace dadvisor::aggregator::rollup
