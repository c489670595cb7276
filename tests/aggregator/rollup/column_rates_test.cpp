// The rates of a whole column are those that each step has alone.

#include "aggregator/rollup/column_rates.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace std::chrono_literals;

namespace {

constexpr Nanoseconds step = 10s;

// By counter_step(), one after the other.
void require_each(std::vector<store::TickNs> const& list, std::vector<std::int64_t> const& values) {
  store::SelectedTicks ticks;
  ticks.assign(list);
  store::SelectedColumn column;
  column.values.assign(values.begin(), values.end());
  std::vector<double> rates(values.size());
  auto const first = [](WallTime) { return std::optional<Reading>(); };
  rollup::column_rates(ticks, column, step, first, rates);
  REQUIRE(std::isnan(rates[0]));
  for (std::size_t row = 1; row < values.size(); ++row) {
    auto const made = counter_step({store::from_tick_ns(list[row - 1]), values[row - 1]},
                                   {store::from_tick_ns(list[row]), values[row]}, step);
    INFO("row " << row << " of " << values.size());
    if (made && made->per_second)
      REQUIRE(rates[row] == *made->per_second);
    else
      REQUIRE(std::isnan(rates[row]));
  }
}

}  // namespace

TEST_CASE("the rates of a column are those of its steps, whatever a counter does") {
  std::mt19937_64 random(9);
  for (int round = 0; round < 2000; ++round) {
    bool const plain = random() % 2 == 0;
    std::vector<store::TickNs> ticks;
    std::vector<std::int64_t> values;
    store::TickNs tick = 1'800'000'000'000'000'000;
    auto value = static_cast<std::int64_t>(random() % 1000);
    for (auto rows = 1 + random() % 9; rows > 0; --rows) {
      ticks.push_back(tick);
      values.push_back(value);
      tick += step.count() * (!plain && random() % 8 == 0 ? 2 : 1);
      value += static_cast<std::int64_t>(random() % 1'000'000'000);
      if (plain) continue;
      switch (random() % 12) {
        case 0:
          value = static_cast<std::int64_t>(random() % 50);  // began anew
          break;
        case 1:
          value = static_cast<std::int64_t>(std::uint64_t{1} << (50 + random() % 13));
          break;
        case 2:
          value = -1 - static_cast<std::int64_t>(random() % 5);  // no reading of any kernel
          break;
        default:
          break;
      }
      value = std::min(value, INT64_MAX - 2'000'000'000);
    }
    require_each(ticks, values);
  }
}

TEST_CASE("steps of a counter are plain as long as it does not fall") {
  std::vector<double> rates(3);
  std::vector<std::int64_t> const rising{5, 25, 65}, falling{5, 25, 24}, below{-5, 25, 65},
      great{0, std::int64_t{1} << 51, std::int64_t{1} << 52};
  REQUIRE(rollup::plain_rates(rising, 10, rates));
  CHECK(rates[1] == 2);
  CHECK(rates[2] == 4);
  CHECK_FALSE(rollup::plain_rates(falling, 10, rates));
  CHECK_FALSE(rollup::plain_rates(below, 10, rates));
  CHECK_FALSE(rollup::plain_rates(great, 10, rates));
}
