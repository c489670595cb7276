#pragma once
// The one place where a rate is made of a counter.
//
// A counter is reset-aware: a reading below the one before it means that counting began again at 0
// (a restarted process behind the same file, a wrapped register), so the whole new reading is
// increase; a rate is never negative.

#include <cstdint>
#include <optional>

#include "common/core/clock.hpp"

namespace dadvisor {

// What a counter said at a tick, in its stored unit.
struct Reading {
  WallTime tick{};
  std::int64_t value = 0;
};

// What happened between two readings, in the counter's stored unit.
struct CounterStep {
  double increase = 0;               // over the whole time between the readings
  std::optional<double> per_second;  // the mean over that time; absent over a hole of > 3 steps
};

// Two readings further apart than this many steps have an increase between them but no rate.
inline constexpr int longest_hole = 3;

// From the reading before (of the same life) to this one; absent unless `before` is earlier
// and neither is negative.
// `step` is that of the row that holds `now`. Here, as it is asked for each counter of each row.
inline std::optional<CounterStep> counter_step(Reading const& before, Reading const& now,
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

// How long an agent waits for a runtime's word of a container that it saw, before it shows it
// without a name (and counts what it used until then as seen): so long a life may be without a row.
inline constexpr Nanoseconds naming_grace = std::chrono::seconds(15);

// What stands in for the reading before a counter's first one. The counter is known to have been 0
// at the tick before the container's start, if that start lies after the agent's previous tick. One
// that began at most naming_grace before that tick had no row yet, since nobody knew its name: all
// of its count is its own, and is counted from that tick on. Of any other start somebody else's
// watch saw part of the count, and it runs from this reading on (absent).
// start_ns: the life's start in ns since the epoch, 0 when it is not known (hosts).
// previous_tick: the agent's last tick before `tick`; when there was none that anybody knows of,
// only a start within the last step counts from 0.
std::optional<Reading> reading_before_first(WallTime tick, Nanoseconds step, std::int64_t start_ns,
                                            std::optional<WallTime> previous_tick);

}  // namespace dadvisor
