#include "common/core/clock.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace std::chrono_literals;

TEST_CASE("a tick is the greatest multiple of the step that is not after the time") {
  CHECK(tick_of(WallTime(19s), 10s) == WallTime(10s));
  CHECK(tick_of(WallTime(20s), 10s) == WallTime(20s));
  CHECK(tick_of(WallTime(20s - 1ns), 10s) == WallTime(10s));
  CHECK(tick_of(WallTime(-1s), 10s) == WallTime(-10s));
}

TEST_CASE("unix seconds are floored") {
  CHECK(unix_seconds(WallTime(1999ms)) == 1);
  CHECK(unix_seconds(WallTime(-1ms)) == -1);
}
