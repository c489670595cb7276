#include "common/core/metric/rate.hpp"

#include <algorithm>

namespace dadvisor {

std::optional<CounterStep> counter_step(Reading const& before, Reading const& now,
                                        Nanoseconds step) {
  Nanoseconds const apart = now.tick - before.tick;
  if (apart <= Nanoseconds::zero() || step <= Nanoseconds::zero()) return std::nullopt;
  if (before.value < 0 || now.value < 0) return std::nullopt;  // no count: a damaged reading
  CounterStep made;
  // Subtracted as integers: above 2^53 a difference of doubles would not be exact.
  made.increase =
      static_cast<double>(now.value < before.value ? now.value : now.value - before.value);
  if (apart <= longest_hole * step)
    made.per_second = made.increase / std::chrono::duration<double>(apart).count();
  return made;
}

std::optional<Reading> reading_before_first(WallTime tick, Nanoseconds step, std::int64_t start_ns,
                                            std::optional<WallTime> previous_tick) {
  if (start_ns <= 0 || step <= Nanoseconds::zero()) return std::nullopt;
  WallTime const start{Nanoseconds(start_ns)};
  WallTime const seen_until = previous_tick.value_or(tick - step);
  // A reading is taken up to half a step after its nominal tick, so a start may lie behind it.
  if (start <= seen_until || start > tick + step / 2) return std::nullopt;
  return Reading{std::min(tick_of(start, step), tick - step), 0};
}

}  // namespace dadvisor
