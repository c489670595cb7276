#include "agent/ticker.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;

// The clock stands just before a second, so that the loop's real timers wait a millisecond; from
// then on the test sets it at each call.
TEST_CASE("ticks are the step's multiples; what is overrun or jumped over is skipped") {
  test::HandClock clock(from_unix_seconds(1000) + 999ms);
  http::Loop loop;
  std::vector<std::int64_t> ticks;
  Ticker ticker(loop, clock, 1s, [&](WallTime tick) {
    ticks.push_back(unix_seconds(tick));
    CHECK(tick.time_since_epoch() % 1s == 0ns);
    // 1001: on time. Then it takes 2.5 s, hence 1003 is next and 1002 is skipped; then the clock is
    // set an hour forward.
    if (ticks.size() == 1) clock.now = from_unix_seconds(1003) + 500ms;
    if (ticks.size() == 2) clock.now = from_unix_seconds(4600);
    if (ticks.size() == 3) loop.stop();
  });
  auto const turn = loop.after(20ms, [&] { clock.now = from_unix_seconds(1001); });
  // After each jump the clock stands still, so the next tick is due only when it is turned on.
  auto const guard = loop.after(20s, [&] { loop.stop(); });
  http::Timer pass;
  std::function<void()> forward = [&] {
    if (ticks.size() == 1) clock.now = from_unix_seconds(1003) + 999ms;
    pass = loop.after(50ms, forward);
  };
  pass = loop.after(50ms, forward);
  loop.run();
  REQUIRE(ticks.size() >= 2);
  CHECK(ticks[0] == 1001);
  CHECK(ticks[1] == 1003);
  REQUIRE(ticks.size() == 3);
  CHECK(ticks[2] == 4600);
  CHECK(ticker.skipped() == 1 + 3596);
}

TEST_CASE("a clock that is set back makes it go on from there") {
  test::HandClock clock(from_unix_seconds(1000) + 999ms);
  http::Loop loop;
  std::vector<std::int64_t> ticks;
  Ticker ticker(loop, clock, 1s, [&](WallTime tick) {
    ticks.push_back(unix_seconds(tick));
    loop.stop();
  });
  clock.now = from_unix_seconds(500) + 990ms;  // before 1001 came
  // Seen at the look a millisecond later; 501 is due 10 ms after that by its own clock.
  auto const turn = loop.after(5ms, [&] { clock.now = from_unix_seconds(501); });
  auto const guard = loop.after(20s, [&] { loop.stop(); });
  loop.run();
  REQUIRE(ticks.size() == 1);
  CHECK(ticks[0] == 501);
  CHECK(ticker.skipped() == 0);
}
