#include "aggregator/rollup/deliveries.hpp"

#include <algorithm>
#include <iterator>

#include "aggregator/rollup/host_window.hpp"

namespace dadvisor::aggregator::rollup {

void Deliveries::add(std::span<store::TickNs const> ticks) {
  if (std::ranges::includes(ticks_, ticks)) return;
  std::vector<store::TickNs> both;
  both.reserve(ticks_.size() + ticks.size());
  std::ranges::set_union(ticks_, ticks, std::back_inserter(both));
  ticks_ = std::move(both);
  expected_from_.clear();
}

std::optional<WallTime> Deliveries::previous(WallTime tick) const {
  auto const found = std::ranges::lower_bound(ticks_, store::tick_ns(tick));
  if (found == ticks_.begin()) return std::nullopt;
  return store::from_tick_ns(*std::prev(found));
}

std::span<WallTime const> Deliveries::expected_from(std::span<WallTime const> ticks) {
  if (expected_from_.size() == ticks.size()) return expected_from_;
  expected_from_.clear();
  auto next = ticks_.begin();  // behind the last one that is not after the tick
  for (WallTime const tick : ticks) {
    while (next != ticks_.end() && *next <= store::tick_ns(tick)) ++next;
    WallTime from = WallTime::min();
    if (next != ticks_.begin()) {
      WallTime const last = store::from_tick_ns(*std::prev(next));
      if (tick == last || tick - last <= live_steps * step_) from = last;
    }
    expected_from_.push_back(from);
  }
  return expected_from_;
}

}  // namespace dadvisor::aggregator::rollup
