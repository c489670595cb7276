#pragma once
// A clock that stands until the test moves it; while another thread may read it, it is left alone.

#include <chrono>

#include "common/core/clock.hpp"

namespace dadvisor::test {

struct HandClock final : Clock {
  static constexpr std::int64_t day_one = 1'700'000'000;

  WallTime now = from_unix_seconds(day_one);
  MonotonicTime mono{std::chrono::hours(1)};

  HandClock() = default;
  explicit HandClock(WallTime at) : now(at) {}
  WallTime wall() const override { return now; }
  MonotonicTime monotonic() const override { return mono; }
  void advance(Nanoseconds by) {
    now += by;
    mono += by;
  }
};

}  // namespace dadvisor::test
