#include "common/core/metric/rate.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace std::chrono_literals;

namespace {
constexpr Nanoseconds step = 10s;
WallTime at(std::int64_t seconds) { return from_unix_seconds(seconds); }
std::int64_t ns(std::int64_t seconds) { return seconds * 1'000'000'000; }
}  // namespace

TEST_CASE("a counter's rate is its increase per second") {
  auto const made = counter_step({at(100), 2'000}, {at(110), 7'000}, step);
  REQUIRE(made);
  CHECK(made->increase == 5'000);
  CHECK(made->per_second == 500.0);
}

TEST_CASE("a counter that fell began again at 0") {
  auto const made = counter_step({at(100), 1'106'971'020}, {at(110), 87'630'438}, step);
  REQUIRE(made);
  CHECK(made->increase == 87'630'438);
  CHECK(made->per_second == 8'763'043.8);
  auto const to_zero = counter_step({at(100), 5}, {at(110), 0}, step);
  CHECK(to_zero->increase == 0);
  CHECK(to_zero->per_second == 0.0);
}

TEST_CASE("over up to three steps the rate is the mean, over more there is none") {
  auto const three = counter_step({at(100), 0}, {at(130), 600}, step);
  CHECK(three->increase == 600);
  CHECK(three->per_second == 20.0);
  auto const four = counter_step({at(100), 0}, {at(140), 600}, step);
  CHECK(four->increase == 600);
  CHECK_FALSE(four->per_second);
}

TEST_CASE("readings that are not in order, or no counts, say nothing") {
  CHECK_FALSE(counter_step({at(110), 1}, {at(110), 2}, step));
  CHECK_FALSE(counter_step({at(120), 1}, {at(110), 2}, step));
  CHECK_FALSE(counter_step({at(100), 1}, {at(110), 2}, 0s));
  CHECK_FALSE(counter_step({at(100), -1}, {at(110), 2}, step));
  CHECK_FALSE(counter_step({at(100), 1}, {at(110), -2}, step));
}

TEST_CASE("a difference above 2^53 is exact") {
  std::int64_t const big = (std::int64_t{1} << 60) + 1;
  CHECK(counter_step({at(100), big}, {at(110), big + 3}, step)->increase == 3);
}

TEST_CASE("a container that started after the agent's last tick counts from 0") {
  auto const before = reading_before_first(at(110), step, ns(103), at(100));
  REQUIRE(before);
  CHECK(before->tick == at(100));
  CHECK(before->value == 0);
  CHECK(counter_step(*before, {at(110), 3'500}, step)->per_second == 350.0);
}

TEST_CASE("one whose name came after a tick counts from 0 at that tick") {
  for (int const start : {100, 99, 86}) {
    auto const before = reading_before_first(at(110), step, ns(start), at(100));
    REQUIRE(before);
    CHECK(before->tick == at(100));
    CHECK(before->value == 0);
  }
  // Seen at a tick that was late: never within the step.
  CHECK(reading_before_first(at(110), step, ns(103), at(105))->tick == at(100));
}

TEST_CASE("one that had its name or none for longer counts from its first reading") {
  CHECK_FALSE(reading_before_first(at(110), step, ns(85), at(100)));
  CHECK_FALSE(reading_before_first(at(110), step, ns(99), std::nullopt));
  CHECK_FALSE(reading_before_first(at(110), step, 0, at(100)));        // a host
  CHECK_FALSE(reading_before_first(at(110), step, ns(200), at(100)));  // from the future
}

TEST_CASE("a start within the last step counts from 0 whatever else is known") {
  CHECK(reading_before_first(at(110), step, ns(101), std::nullopt)->tick == at(100));
}

TEST_CASE("the agent was away: the count runs from the tick before the start") {
  auto const before = reading_before_first(at(140), step, ns(125), at(100));
  REQUIRE(before);
  CHECK(before->tick == at(120));
  CHECK(counter_step(*before, {at(140), 400}, step)->per_second == 20.0);
}

TEST_CASE("a start between the tick and its reading counts over the tick's own step") {
  CHECK(reading_before_first(at(110), step, ns(110), at(100))->tick == at(100));
  CHECK(reading_before_first(at(110), step, ns(112), at(100))->tick == at(100));
}
