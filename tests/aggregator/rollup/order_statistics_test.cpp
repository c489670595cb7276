#include "aggregator/rollup/order_statistics.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::aggregator::rollup;
using namespace std::chrono_literals;

namespace {

constexpr int instances = 40, windows = 800;
WallTime window_at(int number) { return from_unix_seconds(1'800'000'000 + 60 * number); }

// What instance `number` of the 40 had in a window: the 40 of a window are 0 ... 39 above its base.
double value_of(int number, int window) { return number * 37 % instances + 1000.0 * window; }

struct App {
  std::vector<MetricId> const columns{rollup_column(metric::mem_working_set, RollupPart::p50),
                                      rollup_column(metric::mem_working_set, RollupPart::p95),
                                      rollup_column(metric::mem_working_set, RollupPart::p99)};
  WindowLayout const layout{EntityKind::app, columns};
  std::vector<Metric const*> const metrics = ordered_metrics(layout);
  std::vector<MetricId> const raw{metric::mem_working_set};
  WindowLayout const of_instance{EntityKind::container, raw};

  void take_all(OrderStatistics& order, int first) const {
    for (int number = 0; number < instances; ++number) {
      order.begin(of_instance);
      for (int at = first; at < windows; ++at) {
        WindowRow row;
        clear_window(of_instance, row);
        row.window = window_at(at);
        row.step = 10s;
        row.figures[0].take(value_of(number, at));
        order.take(row);
      }
      order.end();
    }
  }
  double figure(OrderStatistics const& order, int at, std::size_t column) const {
    WindowRow row;
    clear_window(layout, row);
    row.window = window_at(at);
    row.step = 10s;
    order.fill(row);
    return row.figures[layout.place(columns[column])].last;
  }
};

}  // namespace

TEST_CASE("of forty values the 20th, the 38th and the 40th") {
  App const app;
  OrderStatistics order(app.layout, app.metrics, 1min);
  app.take_all(order, 0);
  CHECK(order.last() == WallTime::max());
  for (int const at : {0, 7, windows - 1}) {
    CHECK(app.figure(order, at, 0) == 1000.0 * at + 19);
    CHECK(app.figure(order, at, 1) == 1000.0 * at + 37);
    CHECK(app.figure(order, at, 2) == 1000.0 * at + 39);
  }
}

TEST_CASE(
    "more means than memory is due to are collected window by window, none of them less exact") {
  App const app;
  // An instance is due 1,280 bytes, 160 means, and has 800: what is too much is halved.
  int first = 0, passes = 0;
  while (first < windows) {
    OrderStatistics order(app.layout, app.metrics, 1min, window_at(windows - 1),
                          OrderStatistics::Spare::windows, 0);
    app.take_all(order, first);
    int const before = first;
    for (; first < windows && window_at(first) <= order.last(); ++first)
      REQUIRE(app.figure(order, first, 0) == 1000.0 * first + 19);
    int expected = windows - before;
    while (expected > 160) expected = (expected + 1) / 2;
    CHECK(first - before == expected);
    CHECK(app.figure(order, windows - 1, 0) ==
          (first < windows ? 0 : 1000.0 * (windows - 1) + 19));  // nothing of what is given up
    ++passes;
  }
  CHECK(passes == 7);  // of 100, 88, 153, 115, 86, 129 and 129
}

TEST_CASE("of several metrics some are given up before any window is") {
  std::vector<MetricId> columns;
  for (MetricId const metric : {metric::cpu_usage, metric::mem_working_set, metric::mem_usage})
    columns.push_back(rollup_column(metric, RollupPart::p50));
  std::ranges::sort(columns);
  WindowLayout const layout(EntityKind::app, columns);
  auto const metrics = ordered_metrics(layout);
  REQUIRE(metrics.size() == 3);
  std::vector<MetricId> raw;
  for (Metric const* metric : metrics) raw.push_back(metric->id);
  constexpr int some_windows = 120;  // an instance is due 160 means
  auto const row_of = [&](WindowLayout const& its, int number, int at) {
    WindowRow row;
    clear_window(its, row);
    row.window = window_at(at);
    row.step = 1s;
    for (std::size_t i = 0; i < its.columns().size(); ++i)
      row.figures[i].take(number + 100.0 * its.columns()[i].metric->id);
    return row;
  };
  std::size_t filled = 0;
  for (std::span<Metric const* const> left(metrics); !left.empty();) {
    OrderStatistics order(layout, left, 1min, window_at(some_windows - 1),
                          OrderStatistics::Spare::metrics_then_windows, 0);
    for (int number = 0; number < instances; ++number) {
      WindowLayout const its(EntityKind::container, order.columns_of(raw));
      order.begin(its);
      for (int at = 0; at < some_windows; ++at) order.take(row_of(its, number, at));
      order.end();
    }
    CHECK(order.metrics() == 1);  // of three two, of two one: 120 means
    CHECK(order.last() == window_at(some_windows - 1));
    WindowRow row;
    clear_window(layout, row);
    row.window = window_at(some_windows - 1);
    row.step = 1s;
    order.fill(row);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      auto const& figure =
          row.figures[layout.place(rollup_column(metrics[i]->id, RollupPart::p50))];
      CHECK(figure.last == (metrics[i] == left.front() ? 19 + 100.0 * metrics[i]->id : 0));
    }
    left = left.subspan(order.metrics());
    ++filled;
  }
  CHECK(filled == 3);
}
