#pragma once
// Time as a parameter: nothing below main asks the clock by itself.

#include <chrono>
#include <cstdint>

namespace dadvisor {

using Nanoseconds = std::chrono::nanoseconds;
// Wall clock (CLOCK_REALTIME), only for stamps and ticks.
using WallTime = std::chrono::sys_time<Nanoseconds>;
// CLOCK_MONOTONIC, for intervals and time-outs.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual MonotonicTime monotonic() const = 0;
};

// The system's clocks. Any thread.
class SystemClock final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
  }
  MonotonicTime monotonic() const override { return std::chrono::steady_clock::now(); }
};

// The nominal tick that `time` belongs to: the greatest multiple of `step` not after it.
inline WallTime tick_of(WallTime time, Nanoseconds step) {
  auto const since = time.time_since_epoch();
  auto phase = since % step;
  if (phase < Nanoseconds::zero()) phase += step;
  return WallTime(since - phase);
}

inline std::int64_t unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}
inline WallTime from_unix_seconds(std::int64_t seconds) {
  return WallTime(std::chrono::seconds(seconds));
}

}  // namespace dadvisor
