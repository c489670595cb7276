// Two numbers at a time are what each of them is alone.

#include "common/core/two_lanes.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace dadvisor;

TEST_CASE("whole numbers become doubles two at a time up to 2^51, and others are told") {
  constexpr std::int64_t end = std::int64_t{1} << 51;
  for (std::int64_t const whole : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1},
                                   std::int64_t{4'503'599'627}, end - 1, -end}) {
    std::int64_t const both[] = {whole, -whole - 1};
    auto const two = two_at<TwoIntegers>(both);
    REQUIRE(any_of(beyond_doubles(two)) == 0);
    double made[2];
    put_two(doubles_of(two), made);
    CHECK(made[0] == static_cast<double>(both[0]));
    CHECK(made[1] == static_cast<double>(both[1]));
  }
  for (std::int64_t const beyond : {end, -end - 1, INT64_MAX, INT64_MIN})
    for (bool const first : {true, false}) {
      std::int64_t const both[] = {first ? beyond : 7, first ? 7 : beyond};
      CHECK(any_of(beyond_doubles(two_at<TwoIntegers>(both))) != 0);
    }
}
