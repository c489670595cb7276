#include "common/core/metric/metric.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "common/core/metric/column.hpp"

using namespace dadvisor;

TEST_CASE("every metric is found by its id and its leaf, and only once") {
  std::set<std::string_view> leaves;
  MetricId before = 0;
  for (Metric const& metric : metrics()) {
    INFO(metric.leaf);
    CHECK(metric.id > before);
    before = metric.id;
    CHECK(leaves.insert(metric.leaf).second);
    CHECK(find_metric(metric.id) == &metric);
    CHECK(find_metric(metric.leaf) == &metric);
  }
  CHECK(metrics().size() == 106);
  CHECK(find_metric(MetricId{0}) == nullptr);
  CHECK(find_metric(MetricId{999}) == nullptr);
  CHECK(find_metric("cpu.cores") == nullptr);
}

TEST_CASE("leaves are two nodes, and so are the rates of counters, which no other leaf is called") {
  for (Metric const& metric : metrics()) {
    INFO(metric.leaf);
    CHECK(std::count(metric.leaf.begin(), metric.leaf.end(), '.') == 1);
    CHECK((metric.kind == MetricKind::counter) == !metric.rate_leaf.empty());
    if (metric.rate_leaf.empty()) continue;
    CHECK(metric.type == MetricType::integer);
    CHECK(find_metric(metric.rate_leaf) == nullptr);
    CHECK(find_metric_by_rate(metric.rate_leaf) == &metric);
  }
  CHECK(find_metric_by_rate("cpu.cores")->id == metric::cpu_usage);
  CHECK(find_metric_by_rate("net.rx_bytes_rate")->id == metric::net_rx_bytes);
  CHECK(find_metric_by_rate("cpu.usage_rate") == nullptr);
  CHECK(find_metric_by_rate("mem.usage_rate") == nullptr);
}

TEST_CASE("times are shown in seconds without a rounding error of their own") {
  CHECK(shown(*find_metric(metric::cpu_usage), 5e9) == 5.0);
  CHECK(shown(*find_metric(metric::cpu_usage), 1) == 1e-9);
  CHECK(shown(*find_metric(metric::cpu_pressure_some), 1'500'000) == 1.5);
  CHECK(shown(*find_metric(metric::disk_io_time), 250) == 0.25);
  CHECK(shown(*find_metric(metric::mem_usage), 52'428'800) == 52'428'800.0);
  CHECK(find_metric(metric::cpu_usage)->unit == "s");
}

TEST_CASE("ratios name stored metrics and are percentages") {
  Metric const& limit = *find_metric("cpu.pct_limit");
  CHECK(limit.numerator == metric::cpu_usage);
  CHECK(limit.denominator == metric::cpu_limit);
  CHECK(*ratio_of(limit, 0.25, 0.5) == 50.0);
  CHECK_FALSE(ratio_of(limit, 0.25, 0));
  int ratios = 0;
  for (Metric const& metric : metrics()) {
    INFO(metric.leaf);
    if (metric.rollup != MetricRollup::ratio) {
      CHECK(metric.numerator == 0);
      continue;
    }
    ++ratios;
    for (MetricId const part : {metric.numerator, metric.denominator}) {
      REQUIRE(find_metric(part) != nullptr);
      CHECK(find_metric(part)->pace != MetricPace::derived);
      CHECK(find_metric(part)->on_container);
    }
  }
  CHECK(ratios == 4);
}

TEST_CASE("a rollup column tells its metric and part") {
  for (Metric const& metric : metrics()) {
    MetricId const column = rollup_column(metric.id, RollupPart::denominator);
    CHECK(column_metric(column) == metric.id);
    CHECK(column_part(column) == RollupPart::denominator);
    CHECK(rollup_column(metric.id, RollupPart::raw) == metric.id);
  }
}
