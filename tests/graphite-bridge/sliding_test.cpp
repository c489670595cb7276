// Windows that slide must give what each window by itself gives.

#include "graphite-bridge/functions/sliding.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <random>

using namespace dadvisor::graphite;
using functions::aggregate_windows;

namespace {

using Values = std::vector<double>;

// Each window anew, as graphite-web does it.
Values by_brute_force(Values const& values, std::size_t width, Aggregation aggregation,
                      double factor) {
  Values out;
  for (std::size_t end = width; end < values.size(); ++end) {
    Values known;
    for (std::size_t i = end - width; i < end; ++i) {
      if (!is_absent(values[i])) known.push_back(values[i]);
    }
    bool const enough = enough_known(known.size(), width, factor);
    out.push_back(enough ? aggregate(aggregation, known) : absent);
  }
  return out;
}

void check_same(Values const& ours, Values const& expected) {
  REQUIRE(ours.size() == expected.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i, ours[i], expected[i]);
    bool const both_absent = is_absent(ours[i]) && is_absent(expected[i]);
    CHECK((both_absent || ours[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-9)));
  }
}

Values random_values(std::size_t count, double holes, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> value(-100, 100);
  std::bernoulli_distribution hole(holes);
  Values out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(hole(random) ? absent : std::round(value(random)));
  }
  return out;
}

}  // namespace

TEST_CASE("a sliding window is each window by itself") {
  for (auto const& name : aggregation_names()) {
    auto const aggregation = *find_aggregation(name);
    for (std::size_t const width : {1, 2, 3, 7, 40, 99, 100, 101}) {
      for (double const factor : {0.0, 0.5, 1.0}) {
        auto const values = random_values(100, 0.3, static_cast<unsigned>(width));
        CAPTURE(name, width, factor);
        check_same(aggregate_windows(values, width, aggregation, factor),
                   by_brute_force(values, width, aggregation, factor));
      }
    }
  }
}

TEST_CASE("a window of nothing, over nothing, and over holes alone") {
  CHECK(aggregate_windows({}, 3, Aggregation::sum, 0).empty());
  Values const holes(5, absent);
  check_same(aggregate_windows(holes, 2, Aggregation::median, 0), {absent, absent, absent});
  check_same(aggregate_windows(holes, 2, Aggregation::count, 0), {absent, absent, absent});
  check_same(aggregate_windows(Values{1, 2}, 0, Aggregation::sum, 0), {absent, absent});
}

TEST_CASE("a huge value leaves no trace once it is out of the window") {
  for (std::size_t const width : {4, 20}) {
    Values values(60, 1);
    values[5] = 1e300;
    auto const sums = aggregate_windows(values, width, Aggregation::sum, 0);
    REQUIRE(sums.size() == 60 - width);
    CHECK(sums[2] == 1e300);
    for (std::size_t i = 6; i < sums.size(); ++i) CHECK(sums[i] == static_cast<double>(width));
    auto const spreads = aggregate_windows(values, width, Aggregation::stddev, 0);
    CHECK(spreads[6] == 0);
  }
}

TEST_CASE("short windows round as each by itself does, the same of the same values") {
  Values values;
  for (int i = 0; i < 200; ++i) values.push_back(i % 7 == 3 ? absent : i % 7 / 10.0 + 1e9 / 3);
  for (auto const aggregation : {Aggregation::sum, Aggregation::average, Aggregation::avg_zero,
                                 Aggregation::diff, Aggregation::stddev, Aggregation::multiply})
    for (std::size_t const width : {1, 3, 10}) {
      auto const out = aggregate_windows(values, width, aggregation, 0);
      auto const expected = by_brute_force(
          values, width, aggregation == Aggregation::avg_zero ? Aggregation::average : aggregation,
          0);
      CAPTURE(static_cast<int>(aggregation), width);
      REQUIRE(out.size() == expected.size());
      for (std::size_t i = 0; i < out.size(); ++i)
        CHECK((out[i] == expected[i] || (is_absent(out[i]) && is_absent(expected[i]))));
    }
}

TEST_CASE("wide windows over long series take no time to speak of") {
  // 86,400 values under a window of 43,200: every window anew would be 1.9 thousand million
  // values, minutes of this test.
  auto const values = random_values(86400, 0.1, 1);
  auto const begin = std::chrono::steady_clock::now();
  for (auto const aggregation : {Aggregation::average, Aggregation::median, Aggregation::max}) {
    auto const out = aggregate_windows(values, 43200, aggregation, 0);
    CHECK(out.size() == 43200);
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}
