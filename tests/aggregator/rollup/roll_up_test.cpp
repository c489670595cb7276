#include "aggregator/rollup/roll_up.hpp"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "aggregator/rollup/host_window.hpp"
#include "aggregator/rollup/row_sums.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::rollup;
using namespace std::chrono_literals;

namespace {

constexpr Nanoseconds step = 10s;
WallTime at(std::int64_t seconds) { return from_unix_seconds(seconds); }

Figures instance(std::initializer_list<std::pair<MetricId, double>> known) {
  Figures figures(figure_metrics().size(), std::numeric_limits<double>::quiet_NaN());
  for (auto const& [metric, value] : known) figures[*figure_index(metric)] = value;
  return figures;
}

RollupRow rolled(std::vector<Figures> const& instances, Nanoseconds window = step) {
  std::vector<Figures const*> pointers;
  for (Figures const& figures : instances) pointers.push_back(&figures);
  return roll_up(pointers, static_cast<double>(instances.size()), window);
}

std::optional<double> part(RollupRow const& row, MetricId metric, RollupPart part) {
  return row.value(rollup_column(metric, part));
}

}  // namespace

TEST_CASE("add: sum, least, greatest and count over the instances that have a figure") {
  auto const row = rolled({instance({{metric::mem_usage, 100}}),
                           instance({{metric::mem_usage, 300}}), instance({{metric::mem_rss, 5}})});
  CHECK(part(row, metric::mem_usage, RollupPart::sum) == 400);
  CHECK(part(row, metric::mem_usage, RollupPart::min) == 100);
  CHECK(part(row, metric::mem_usage, RollupPart::max) == 300);
  CHECK(part(row, metric::mem_usage, RollupPart::count) == 2);
  CHECK(part(row, metric::mem_rss, RollupPart::count) == 1);
  CHECK_FALSE(part(row, metric::mem_cache, RollupPart::sum));
  CHECK_FALSE(part(row, metric::mem_cache, RollupPart::count));
  CHECK(part(row, metric::state_expected, RollupPart::all) == 3);
}

TEST_CASE("a counter's figure is its increase within the window") {
  // 0.5 and 0.25 cores: over 10 s that is 7.5 s of CPU.
  auto const row =
      rolled({instance({{metric::cpu_usage, 5e8}}), instance({{metric::cpu_usage, 2.5e8}})});
  CHECK(part(row, metric::cpu_usage, RollupPart::sum) == 7.5e9);
  CHECK(part(row, metric::cpu_usage, RollupPart::min) == 2.5e9);
  CHECK(part(row, metric::cpu_usage, RollupPart::max) == 5e9);
}

TEST_CASE("two increases at a time are what one is, to the bit") {
  double const most = std::numeric_limits<double>::max(), none = std::nan("");
  double const infinite = std::numeric_limits<double>::infinity();
  for (double const rate :
       {0.0, -0.0, 0.3, -0.3, 0.05, 0.1 + 0.2, 1e11 / 3, 7e13 + 0.01, 2.25e14, 2.26e14, 4.6e14,
        1e300, -1e300, most, -most, infinite, -infinite, none}) {
    auto const two = increase_of(TwoDoubles{rate, 1.0 / 3}, 10);
    CHECK(std::bit_cast<std::uint64_t>(two[0]) ==
          std::bit_cast<std::uint64_t>(increase_of(rate, 10)));
    CHECK(two[1] == increase_of(1.0 / 3, 10));
  }
  CHECK(increase_of(0.1 + 0.2, 10) == 3);  // 3.0000000000000004
  CHECK(increase_of(0.25, 10) == 2.5);
  CHECK(std::signbit(increase_of(-0.0, 10)) == false);
}

TEST_CASE("instances one by one and as columns make the same row") {
  std::mt19937_64 random(7);
  auto const figure = [&] {
    auto const kind = random() % 4;
    double const size = std::ldexp(1.0, static_cast<int>(random() % 60) - 4);
    if (kind == 0) return std::nan("");
    return kind == 1 ? std::round(size) : size * static_cast<double>(random() % 1000) / 7;
  };
  std::vector<Figures> instances;
  for (int i = 0; i < 5; ++i) {
    Figures& made = instances.emplace_back(figure_metrics().size());
    for (double& one : made) one = figure();
  }
  RowSums by_column(2, step), by_instance(1, step);
  RankedFigures one, other;
  std::vector<std::uint32_t> const places{1};
  for (Figures const& instance : instances) {
    FigureColumns columns;
    for (double const& its : instance) columns.push_back({&its, 1});
    by_column.take(columns, places);
    by_instance.take(instance);
    one.take(instance);
    other.take(instance);
  }
  auto const row = by_instance.row(0, 5, one);
  CHECK(row.columns.size() > figure_metrics().size());
  CHECK(row == by_column.row(1, 5, other));
}

TEST_CASE("a ratio counts only the instances that have both of its parts") {
  auto const row = rolled({instance({{metric::cpu_usage, 4e8}, {metric::cpu_limit, 0.5}}),
                           instance({{metric::cpu_usage, 9e9}}),  // no limit
                           instance({{metric::cpu_limit, 8}}),    // no figure yet
                           instance({{metric::cpu_usage, 1e8}, {metric::cpu_limit, 1.5}})});
  auto const top = part(row, metric::cpu_pct_limit, RollupPart::numerator);
  auto const bottom = part(row, metric::cpu_pct_limit, RollupPart::denominator);
  CHECK(top == 0.5);
  CHECK(bottom == 2.0);
  CHECK(*ratio_of(*find_metric(metric::cpu_pct_limit), *top, *bottom) == 25.0);
  CHECK_FALSE(part(row, metric::mem_pct_limit, RollupPart::denominator));
}

TEST_CASE("ranked metrics have order statistics by nearest rank, percentages of their own") {
  std::vector<Figures> instances;
  for (int i : {7, 3, 20, 1, 11, 5, 13, 9, 2, 19, 15, 17, 4, 6, 8, 10, 12, 14, 16, 18})
    instances.push_back(instance({{metric::mem_working_set, 100 * i},
                                  {metric::mem_limit, 1'000 * (i == 20 ? 1 : 4)},
                                  {metric::cpu_usage, 1e8 * i}}));
  auto const row = rolled(instances);
  CHECK(part(row, metric::mem_working_set, RollupPart::p50) == 1'000);  // the 10th of 20
  CHECK(part(row, metric::mem_working_set, RollupPart::p95) == 1'900);  // the 19th
  CHECK(part(row, metric::mem_working_set, RollupPart::p99) == 2'000);  // the 20th
  CHECK(part(row, metric::cpu_usage, RollupPart::p50) == 10e9);
  // 100 i of 4,000, but the last is 2,000 of 1,000.
  CHECK(part(row, metric::mem_pct_limit, RollupPart::p50) == 25);
  CHECK(part(row, metric::mem_pct_limit, RollupPart::p95) == 47.5);
  CHECK(part(row, metric::mem_pct_limit, RollupPart::p99) == 200);
  CHECK_FALSE(part(row, metric::mem_limit, RollupPart::p50));  // nobody ranks by it
  auto const one = rolled({instance({{metric::mem_working_set, 7}})});
  CHECK(part(one, metric::mem_working_set, RollupPart::p50) == 7);
  CHECK(part(one, metric::mem_working_set, RollupPart::p99) == 7);
}

TEST_CASE("max and last have one column") {
  auto const row = rolled({instance({{metric::cpu_shares, 512}, {metric::mem_peak, 10}}),
                           instance({{metric::cpu_shares, 1024}, {metric::mem_peak, 7}})});
  CHECK(part(row, metric::cpu_shares, RollupPart::all) == 1024);
  CHECK(part(row, metric::mem_peak, RollupPart::all) == 10);
  CHECK_FALSE(part(row, metric::mem_peak, RollupPart::sum));
}

TEST_CASE("columns ascend and are among those that any row may have") {
  std::vector<Figures> everything(1, Figures(figure_metrics().size(), 1));
  auto const row = rolled(everything);
  CHECK(std::ranges::is_sorted(row.columns));
  CHECK(row.columns.size() == rollup_columns().size());
  CHECK(std::ranges::equal(row.columns, rollup_columns()));
}

TEST_CASE("apps merge into a total as their instances would have") {
  std::vector<Figures> const one{
      instance({{metric::cpu_usage, 1e8}, {metric::cpu_limit, 1}, {metric::mem_peak, 3}}),
      instance({{metric::cpu_usage, 3e8}, {metric::mem_peak, 9}})};
  std::vector<Figures> const other{
      instance({{metric::cpu_usage, 2e8}, {metric::cpu_limit, 4}, {metric::net_rx_bytes, 1'000}})};
  std::vector<Figures> all = one;
  all.insert(all.end(), other.begin(), other.end());
  RollupRow const left = rolled(one), right = rolled(other), together = rolled(all);
  RollupRow const* const rows[] = {&left, &right};
  RollupRow const merged = merge(rows, step);
  std::size_t order = 0;
  for (std::size_t i = 0; i < together.columns.size(); ++i) {
    auto const found = merged.value(together.columns[i]);
    if (is_order(column_part(together.columns[i]))) {
      CHECK_FALSE(found);  // two apps' medians say nothing of all
      ++order;
    } else {
      CHECK(found.value_or(-1) == Approx(together.values[i]));
    }
  }
  CHECK(merged.columns.size() + order == together.columns.size());
}

TEST_CASE("rows of another window are scaled to the total's") {
  RollupRow const fast = rolled({instance({{metric::cpu_usage, 5e8}, {metric::mem_usage, 7}})}, 1s);
  RollupRow const slow = rolled({instance({{metric::cpu_usage, 5e8}, {metric::mem_usage, 7}})});
  RollupRow const* const rows[] = {&fast, &slow};
  RollupRow const total = merge(rows, step);
  CHECK(part(total, metric::cpu_usage, RollupPart::sum) == Approx(1e10));
  CHECK(part(total, metric::cpu_usage, RollupPart::count) == 2);
  CHECK(part(total, metric::mem_usage, RollupPart::sum) == 14);
}

TEST_CASE("an app's row names the instances that are expected of a host that is silent") {
  EntityKey const here{EntityKind::container, "a", "1", 1},
      there{EntityKind::container, "b", "2", 1};
  HostWindow first, second;
  HostWindow const* const hosts[] = {&first, &second};
  AppNumber const app = 4;
  first.deliver(at(100), step);
  first.add(at(100), app, here, instance({{metric::mem_usage, 10}}));
  second.deliver(at(100), step);
  second.add(at(100), app, there, instance({{metric::mem_usage, 20}}));
  first.deliver(at(110), step);
  first.add(at(110), app, here, instance({{metric::mem_usage, 11}}));

  auto const whole = roll_up_app(hosts, app, at(100));
  CHECK(part(*whole, metric::mem_usage, RollupPart::sum) == 30);
  CHECK(part(*whole, metric::state_expected, RollupPart::all) == 2);

  auto const missing = roll_up_app(hosts, app, at(110));
  CHECK(part(*missing, metric::mem_usage, RollupPart::sum) == 11);
  CHECK(part(*missing, metric::mem_usage, RollupPart::count) == 1);
  CHECK(part(*missing, metric::state_expected, RollupPart::all) == 2);

  SECTION("for three steps, then it is dead") {
    first.deliver(at(130), step);
    first.add(at(130), app, here, instance({{metric::mem_usage, 12}}));
    first.deliver(at(140), step);
    first.add(at(140), app, here, instance({{metric::mem_usage, 12}}));
    CHECK(part(*roll_up_app(hosts, app, at(130)), metric::state_expected, RollupPart::all) == 2);
    CHECK(part(*roll_up_app(hosts, app, at(140)), metric::state_expected, RollupPart::all) == 1);
  }
  SECTION("also once the figures of its last rows are let go, and no longer than those rows") {
    second.drop_figures(at(100));
    CHECK(second.instances(at(100), app).front().figures.empty());
    CHECK(part(*roll_up_app(hosts, app, at(110)), metric::state_expected, RollupPart::all) == 2);
    CHECK(second.apps(at(100)) == std::vector{app});
    second.drop_rows_before(at(101));
    CHECK(second.apps(at(100)) == std::nullopt);
    CHECK(part(*roll_up_app(hosts, app, at(110)), metric::state_expected, RollupPart::all) == 1);
  }
  SECTION("a host that delivers without the instance says that it has gone") {
    second.deliver(at(110), step);
    CHECK(part(*roll_up_app(hosts, app, at(110)), metric::state_expected, RollupPart::all) == 1);
  }
  SECTION("an instance that is down is not expected") {
    second.deliver(at(110), step);
    second.add(at(110), app, there, instance({{metric::state_up, 0}}));
    CHECK(part(*roll_up_app(hosts, app, at(110)), metric::state_expected, RollupPart::all) == 1);
  }
  CHECK_FALSE(roll_up_app(hosts, app + 1, at(100)));
  CHECK_FALSE(roll_up_app(hosts, app, at(105)));
}
