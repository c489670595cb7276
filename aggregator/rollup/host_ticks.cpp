#include "aggregator/rollup/host_ticks.hpp"

#include <algorithm>
#include <array>

namespace dadvisor::aggregator::rollup {

Result<std::set<WallTime> const*> HostTicks::between(store::EntityId host, WallTime from,
                                                     WallTime until) {
  auto const found = known_.find(host);
  if (found != known_.end() && found->second.from <= from && until <= found->second.until)
    return static_cast<std::set<WallTime> const*>(&found->second.ticks);
  Known wider{from, until, {}};
  if (found != known_.end()) {
    wider.from = std::min(from, found->second.from);
    wider.until = std::max(until, found->second.until);
  }
  static constexpr std::array any_column{metric::cpu_usage};
  auto const scanned =
      store_.scan(host, any_column, wider.from, wider.until,
                  [&](WallTime tick, std::span<Cell const>) { wider.ticks.insert(tick); });
  if (!scanned) return scanned.error();
  Known& kept = known_[host] = std::move(wider);
  return static_cast<std::set<WallTime> const*>(&kept.ticks);
}

std::optional<WallTime> HostTicks::previous(store::EntityId host, WallTime from, WallTime tick) {
  auto const ticks = between(host, from, tick);
  if (!ticks) return std::nullopt;
  auto const found = (*ticks)->lower_bound(tick);
  if (found == (*ticks)->begin()) return std::nullopt;
  auto const last = *std::prev(found);
  return last < from ? std::nullopt : std::optional(last);
}

}  // namespace dadvisor::aggregator::rollup
