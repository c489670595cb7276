// Random lives, deliveries and restarts: the rows are those that the rules make of the lives.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "rolled_up_world.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

// What the rows of one app must be, made of the lives and of what was delivered by the rules of
// the design and by nothing of the engine.
struct Truth {
  double cpu = 0, memory = 0, least = 0, top = 0, bottom = 0;
  int count = 0, rated = 0, expected = 0;
  std::vector<double> increases, percentages;  // the instances' own
};

// By nearest rank: the least of the values that so many of them are not above.
double ranked(std::vector<double> values, double fraction) {
  std::ranges::sort(values);
  double const rank = std::ceil(fraction * static_cast<double>(values.size()));
  return values.at(static_cast<std::size_t>(rank) - 1);
}

std::map<int, Truth> truth_of(std::vector<Life> const& lives, std::string const& app,
                              std::set<std::pair<std::string, int>> const& delivered, int last) {
  std::map<int, Truth> all;
  for (int number = 0; number <= last; ++number) {
    Truth truth;
    for (Life const& one : lives) {
      if (one.app != app && !app.empty()) continue;
      int before = number - 1;  // the host's last tick before this one
      while (before >= -10 && !delivered.contains({one.host, before})) --before;
      if (!delivered.contains({one.host, number})) {
        if (number - before <= 3 && one.at(before)) ++truth.expected;
        continue;
      }
      if (!one.at(number)) continue;
      ++truth.expected;
      double const memory = static_cast<double>(one.memory);
      truth.least = truth.count == 0 ? memory : std::min(truth.least, memory);
      ++truth.count;
      truth.memory += memory;
      // Rate: mean over the time since the last reading, or since its start if that was watched.
      double rate = -1;
      if (one.at(before) && number - before <= 3)
        rate = static_cast<double>(one.cpu_per_tick) / 10;
      else if (one.from > (before < 0 ? number - 1 : before) && number - one.from + 1 <= 3)
        rate = static_cast<double>(one.usage(number)) / (10 * (number - one.from + 1));
      if (rate < 0) continue;
      ++truth.rated;
      truth.cpu += rate * 10;
      truth.increases.push_back(rate * 10);
      if (one.limit > 0) {
        truth.top += rate / 1e9;
        truth.bottom += one.limit;
        truth.percentages.push_back(100 * rate / 1e9 / one.limit);
      }
    }
    if (truth.count > 0 || truth.expected > 0) all[number] = truth;
  }
  return all;
}

void check_order(RollupRow const& row, MetricId metric, std::vector<double> const& values) {
  for (auto const& [part, fraction] :
       {std::pair{RollupPart::p50, 0.5}, {RollupPart::p95, 0.95}, {RollupPart::p99, 0.99}}) {
    auto const found = row.value(rollup_column(metric, part));
    REQUIRE(found.has_value() == !values.empty());
    if (found) CHECK(*found == Approx(ranked(values, fraction)));
  }
}

void check(std::map<int, RollupRow> const& rows, std::map<int, Truth> const& truths) {
  std::vector<int> have, want;
  for (auto const& [number, row] : rows)
    if (truths.contains(number) || expected(row) != 0 || row.columns.size() != 1)
      have.push_back(number);  // one that says that there is nothing is as good as none
  for (auto const& [number, truth] : truths) want.push_back(number);
  CHECK(have == want);
  for (auto const& [number, truth] : truths) {
    auto const found = rows.find(number);
    if (found == rows.end()) continue;
    RollupRow const& row = found->second;
    INFO("tick " << number);
    CHECK(expected(row) == truth.expected);
    check_order(row, metric::cpu_usage, truth.increases);
    check_order(row, metric::cpu_pct_limit, truth.percentages);
    if (truth.count > 0) {
      CHECK(sum(row, metric::mem_usage) == truth.memory);
      CHECK(value(row, metric::mem_usage, RollupPart::min) == truth.least);
      CHECK(value(row, metric::state_up, RollupPart::count) == truth.count);
    } else {
      CHECK(sum(row, metric::mem_usage) == -1);
    }
    if (truth.rated > 0) {
      CHECK(sum(row, metric::cpu_usage) == Approx(truth.cpu));
      CHECK(value(row, metric::cpu_usage, RollupPart::count) == truth.rated);
    } else {
      CHECK(sum(row, metric::cpu_usage) == -1);
    }
    if (truth.bottom > 0) {
      CHECK(value(row, metric::cpu_pct_limit, RollupPart::numerator) == Approx(truth.top));
      CHECK(value(row, metric::cpu_pct_limit, RollupPart::denominator) == Approx(truth.bottom));
    }
  }
}

TEST_CASE("whatever the order, the repetition and the restarts, the rows are those of the rows") {
  unsigned const seed = GENERATE(range(1u, 25u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  auto const pick = [&](int most) {
    return static_cast<int>(random() % static_cast<unsigned>(most));
  };
  RollupOptions options;
  if (seed % 2 == 0) options.rows_per_flush = 1;  // an app a flush, and late rows come in between
  World world(options);
  constexpr int last = 30;
  std::vector<std::string> const hosts{"a", "b", "c"}, apps{"/shop/cart", "web", "cron"};
  for (int i = 0; i < 14; ++i) {
    int const from = pick(3) == 0 ? pick(last) : 0;
    Life one =
        life(hosts[static_cast<std::size_t>(pick(3))], apps[static_cast<std::size_t>(pick(3))],
             std::to_string(i), from, pick(3) == 0 ? from + pick(last) : last);
    one.cpu_per_tick = std::int64_t{1'000'000} * (1 + pick(5'000));
    one.memory = 1'000 + pick(1'000);
    one.limit = pick(2) ? 0.5 * (1 + pick(4)) : 0;
    world.lives.push_back(one);
  }
  std::vector<Delivery> deliveries;
  std::set<std::pair<std::string, int>> delivered;
  for (int number = 0; number <= last; ++number)
    for (std::string const& host : hosts) {
      if (pick(8) == 0 && number != last) continue;  // never comes
      delivered.insert({host, number});
      deliveries.push_back({host, number});
    }
  // Swapped over a few places, or far; some sent twice.
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    std::size_t const other = i + random() % (pick(10) == 0 ? 60 : 5);
    if (pick(3) == 0 && other < deliveries.size()) std::swap(deliveries[i], deliveries[other]);
  }
  for (int i = 0; i < 10; ++i) {
    auto const again = deliveries[random() % deliveries.size()];
    deliveries.insert(deliveries.begin() + pick(static_cast<int>(deliveries.size())), again);
  }

  WallTime now = tick_at(0);
  world.attach(tick_at(-100));
  int newest = -1;
  for (Delivery const& delivery : deliveries) {
    world.deliver(delivery);
    now = std::max(now, tick_at(delivery.number) + 1s);
    if (pick(2)) world.flush(now);
    if (pick(20) == 0) {
      now += 100s;  // ticks close, and late ones are mended
      world.flush(now);
    }
    if (pick(40) == 0) world.restart(now);
    for (; newest < delivery.number; ++newest)
      world.run([&](RollupEngine& engine) { engine.ready(tick_at(newest + 1)); });
  }
  world.settle(now);
  for (std::string const& app : apps) {
    INFO(app);
    check(world.rows(EntityKind::app, app), truth_of(world.lives, app, delivered, last));
  }
  check(world.rows(EntityKind::total, ""), truth_of(world.lives, "", delivered, last));
}

}  // namespace
}  // namespace dadvisor::aggregator::rollup
