#include "agent/send/thinning.hpp"

#include <algorithm>
#include <chrono>

namespace dadvisor::agent {

Outline outline_of(Batch const& batch) {
  Outline outline{batch.tick, {}, !batch.events.empty() || !batch.losses.empty()};
  outline.slots.reserve(batch.rows.size());
  for (auto const& row : batch.rows) outline.slots.push_back(row.slot);
  return outline;
}

bool may_go(Outline const& before, Outline const& one, Outline const& behind) {
  auto const minute = [](WallTime tick) { return tick_of(tick, std::chrono::minutes(1)); };
  return !one.tells && minute(before.tick) == minute(one.tick) &&
         std::ranges::includes(before.slots, one.slots) &&
         std::ranges::includes(behind.slots, one.slots);
}

}  // namespace dadvisor::agent
