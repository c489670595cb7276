#include "aggregator/rollup/figures.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace dadvisor;
using namespace dadvisor::aggregator::rollup;
using namespace std::chrono_literals;

namespace {

constexpr Nanoseconds step = 10s;
WallTime at(std::int64_t seconds) { return from_unix_seconds(seconds); }
Schema const schema{{metric::cpu_usage, metric::cpu_limit, metric::mem_usage, 999}};

std::vector<Cell> cells(Cell usage, Cell memory) {
  return {usage, real_cell(0.5), memory, Cell{7}};
}
double figure(Figures const& figures, MetricId metric) { return figures.at(*figure_index(metric)); }

}  // namespace

TEST_CASE("gauges are their value, counters their rate; unknown metrics are left out") {
  InstanceReadings readings;
  auto const first = readings.take(schema, cells(1'000, 64), at(100), step, 0, std::nullopt);
  CHECK(std::isnan(figure(first, metric::cpu_usage)));
  CHECK(figure(first, metric::cpu_limit) == 0.5);
  CHECK(figure(first, metric::mem_usage) == 64);
  CHECK(std::isnan(figure(first, metric::net_rx_bytes)));
  auto const second = readings.take(schema, cells(6'000, {}), at(110), step, 0, at(100));
  CHECK(figure(second, metric::cpu_usage) == 500);
  CHECK(std::isnan(figure(second, metric::mem_usage)));
  CHECK_FALSE(figure_index(999));
  CHECK_FALSE(figure_index(metric::cpu_pct_limit));
  CHECK_FALSE(figure_index(metric::load_1m));
}

TEST_CASE("a life that began since the agent's last tick has its whole count in the first rate") {
  InstanceReadings readings;
  auto const figures =
      readings.take(schema, cells(3'500, 1), at(110), step, 103'000'000'000, at(100));
  CHECK(figure(figures, metric::cpu_usage) == 350);
}

TEST_CASE("a counter absent for a tick resumes with the mean over the hole") {
  InstanceReadings readings;
  readings.take(schema, cells(1'000, 1), at(100), step, 0, std::nullopt);
  readings.take(schema, cells({}, 1), at(110), step, 0, at(100));
  auto const figures = readings.take(schema, cells(5'000, 1), at(120), step, 0, at(110));
  CHECK(figure(figures, metric::cpu_usage) == 200);
}

TEST_CASE("a late row is remembered only where nothing newer is known") {
  InstanceReadings readings;
  readings.take(schema, cells(1'000, 1), at(100), step, 0, std::nullopt);
  readings.take(schema, cells(9'000, 1), at(120), step, 0, at(100));
  readings.remember(schema, cells(2'000, 1), at(110));
  auto const figures = readings.take(schema, cells(10'000, 1), at(130), step, 0, at(120));
  CHECK(figure(figures, metric::cpu_usage) == 100);
}
