#include "aggregator/rollup/readiness.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::aggregator::rollup;
using namespace std::chrono_literals;

namespace {
constexpr Nanoseconds step = 10s;
WallTime at(double seconds) {
  return WallTime(Nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
}
std::vector<double> ticks(std::vector<ReadyTick> const& ready) {
  std::vector<double> seconds;
  for (ReadyTick const& one : ready)
    seconds.push_back(static_cast<double>(one.tick.time_since_epoch().count()) / 1e9);
  return seconds;
}
}  // namespace

TEST_CASE("a tick is ready as soon as every live agent delivered it") {
  Readiness readiness({}, {}, std::nullopt, at(1'000));
  readiness.delivered("a", at(1'010), step);
  CHECK(ticks(readiness.poll(at(1'010.3))) == std::vector<double>{1'010});
  readiness.delivered("b", at(1'010), step);
  readiness.delivered("a", at(1'020), step);
  CHECK(readiness.poll(at(1'020.4)).empty());
  readiness.delivered("b", at(1'020), step);
  auto const ready = readiness.poll(at(1'020.6));
  REQUIRE(ready.size() == 1);
  CHECK(ready[0].live == 2);
  CHECK(ready[0].missing == 0);
  CHECK(readiness.poll(at(1'020.7)).empty());
}

TEST_CASE("an agent that is late holds a tick up for two seconds, and once dead not at all") {
  Readiness readiness({}, {}, std::nullopt, at(1'000));
  readiness.delivered("a", at(1'010), step);
  readiness.delivered("b", at(1'010), step);
  CHECK(ticks(readiness.poll(at(1'010.1))) == std::vector<double>{1'010});
  for (int tick = 1'020; tick <= 1'040; tick += 10) {
    readiness.delivered("a", at(tick), step);
    CHECK(readiness.poll(at(tick + 1.9)).empty());
    auto const ready = readiness.poll(at(tick + 2));
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].missing == 1);
  }
  readiness.delivered("a", at(1'050), step);
  CHECK(ticks(readiness.poll(at(1'050.1))) == std::vector<double>{1'050});
}

TEST_CASE("late ticks are not reported again") {
  Readiness readiness({}, {}, std::nullopt, at(1'000));
  readiness.delivered("a", at(1'010), step);
  readiness.poll(at(1'010.1));
  readiness.delivered("a", at(1'010), step);
  readiness.delivered("a", at(990), step);
  CHECK(readiness.poll(at(1'011)).empty());
}

TEST_CASE("ticks go on while nobody delivers") {
  Readiness readiness({}, {}, std::nullopt, at(1'003));
  CHECK(readiness.poll(at(1'011.9)).empty());
  CHECK(ticks(readiness.poll(at(1'042))) == std::vector<double>{1'010, 1'020, 1'030, 1'040});
}

TEST_CASE("an agent with a shorter step makes the grid finer, as long as it lives") {
  Readiness readiness({}, {}, std::nullopt, at(1'000));
  readiness.delivered("slow", at(1'000), step);
  readiness.delivered("fast", at(1'001), 1s);
  CHECK(ticks(readiness.poll(at(1'001.1))) == std::vector<double>{1'001});
  readiness.delivered("fast", at(1'002), 1s);
  auto const ready = readiness.poll(at(1'002.1));
  REQUIRE(ready.size() == 1);
  CHECK(ready[0].live == 1);  // the slow one is not due
  CHECK(ready[0].step == 1s);
}

TEST_CASE("after a restart it waits for every stream known") {
  Readiness readiness({}, {"a", "b"}, at(980), at(1'005));
  readiness.delivered("a", at(1'010), step);
  CHECK_FALSE(readiness.settled(at(1'011)));
  CHECK(readiness.poll(at(1'014)).empty());
  readiness.delivered("b", at(1'010), step);
  CHECK(ticks(readiness.poll(at(1'014))) == std::vector<double>{990, 1'000, 1'010});
}

TEST_CASE("but for no more than 30 s") {
  Readiness readiness({}, {"a", "b"}, at(1'000), at(1'005));
  readiness.delivered("a", at(1'030), step);
  CHECK(readiness.poll(at(1'034.9)).empty());
  CHECK(ticks(readiness.poll(at(1'035))) == std::vector<double>{1'010, 1'020, 1'030});
}

TEST_CASE("ticks missed for longer than the longest absence are left out") {
  ReadinessOptions options;
  options.longest_absence = 30s;
  Readiness readiness(options, {}, at(10), at(1'000));
  CHECK(ticks(readiness.poll(at(1'000))) == std::vector<double>{980, 990});
}

TEST_CASE("a tick closes 120 s after it") {
  Readiness readiness({}, {}, std::nullopt, at(1'000));
  readiness.delivered("a", at(1'010), step);
  readiness.poll(at(1'010.1));
  CHECK(readiness.poll_closed(at(1'129.9)).empty());
  CHECK(readiness.poll_closed(at(1'130)) == std::vector<WallTime>{at(1'010)});
  CHECK(readiness.poll_closed(at(1'131)).empty());
}
