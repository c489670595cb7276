#include "common/core/metric/rate.hpp"

#include <algorithm>

namespace dadvisor {

std::optional<Reading> reading_before_first(WallTime tick, Nanoseconds step, std::int64_t start_ns,
                                            std::optional<WallTime> previous_tick) {
  if (start_ns <= 0 || step <= Nanoseconds::zero()) return std::nullopt;
  WallTime const start{Nanoseconds(start_ns)};
  WallTime const seen_until = previous_tick.value_or(tick - step);
  // A reading is taken up to half a step after its nominal tick, so a start may lie behind it.
  if (start > tick + step / 2) return std::nullopt;
  if (start <= seen_until) {
    if (!previous_tick || start <= seen_until - naming_grace) return std::nullopt;
    return Reading{std::min(seen_until, tick - step), 0};
  }
  return Reading{std::min(tick_of(start, step), tick - step), 0};
}

}  // namespace dadvisor
