// Queries that reach further back than raw rows: which tier answers, and that it answers what the
// raw rows would have said, whatever they are put together by.

#include "../rollup/tiered_store.hpp"
#include "aggregator/series/store_series_source.hpp"
#include "graphite-bridge/evaluate.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::rollup;
using graphite::Consolidation;
using series::StoreSeriesSource;
using store::Tier;

namespace {

std::int64_t second_of(int number) { return unix_seconds(TieredStore::tick_at(number)); }

// 200 minutes of an app with two instances, one with four times the CPU and twice the memory.
struct Shop {
  static constexpr int last = 6 * 200, lost = 321;  // of the first instance
  Shop() {
    for (std::string const id : {"1", "2"}) {
      TestLife life{id == "1" ? "a" : "b", "shop", id, 0, 9999, 1'000'000, 2, 1'000'000, 0};
      if (id == "2") life.cpu_per_tick = 4'000'000, life.memory = 2'000'000;
      world.lives.push_back(life);
    }
    world.options().retention = 1h;
    world.options().tiers.of(Tier::minute).retention = 3h;
    world.open();
    for (int number = 0; number <= last; ++number) {
      if (number != lost) world.deliver("a", number);
      world.deliver("b", number);
      world.advance(TieredStore::step);
    }
    source = std::make_unique<StoreSeriesSource>(world.store());
  }
  graphite::Window window(int from, int until,
                          std::optional<Consolidation> consolidation = {}) const {
    return {second_of(from) - 1, second_of(until), second_of(last), consolidation};
  }
  graphite::Series one(std::string const& path, graphite::Window const& window) const {
    auto fetched = source->fetch("dadvisor.c." + path, window);
    REQUIRE(fetched);
    REQUIRE(fetched->size() == 1);
    return std::move((*fetched)[0]);
  }
  // The value of the minute that begins at tick 312, which is 0 of 3 and of 6 and 4 of 7.
  double minute(std::string const& path, std::optional<Consolidation> consolidation = {}) const {
    auto const found = one(path, window(312, 317, consolidation));
    CHECK(found.step == 60);
    CHECK(found.start == second_of(312));
    REQUIRE(found.values.size() == 1);
    return found.values[0];
  }

  TieredStore world;
  std::unique_ptr<StoreSeriesSource> source;
};

}  // namespace

TEST_CASE("the finest tier that reaches back answers, whatever values are put together by") {
  Shop shop;
  std::string const first = "instances.shop.1.", app = "apps.shop.";
  SECTION("a step for each reach") {
    CHECK(shop.one(first + "mem.working_set", shop.window(Shop::last - 300, Shop::last)).step ==
          10);
    CHECK(shop.one(first + "mem.working_set", shop.window(Shop::last - 400, Shop::last)).step ==
          60);
    CHECK(shop.one(first + "mem.working_set", shop.window(0, Shop::last)).step == 60);
    CHECK(shop.one(app + "sum.mem.working_set", shop.window(Shop::last - 400, Shop::last)).step ==
          60);
    CHECK(shop.one(app + "sum.mem.working_set", shop.window(0, Shop::last)).step == 600);
    CHECK(shop.one("hosts.a.cpu.cores", shop.window(0, Shop::last)).step == 600);
  }
  SECTION("a gauge: at ticks 312 ... 317 a million and 4, 5, 6, 0, 1, 2") {
    std::string const path = first + "mem.working_set";
    CHECK(shop.minute(path) == 1'000'003);
    CHECK(shop.minute(path, Consolidation::average) == 1'000'003);
    CHECK(shop.minute(path, Consolidation::min) == 1'000'000);
    CHECK(shop.minute(path, Consolidation::max) == 1'000'006);
    CHECK(shop.minute(path, Consolidation::sum) == 6'000'018);
    CHECK(shop.minute(path, Consolidation::last) == 1'000'002);
    // The first one is not kept: each window answers its mean, as coarser archives of Graphite do.
    CHECK(shop.minute(path, Consolidation::first) == 1'000'003);
    CHECK(shop.minute(path, Consolidation::avg_zero) == 1'000'003);
  }
  SECTION("a gauge with a tick that is lost: 318 ... 323 are 3, 4, 5, none, 0, 1") {
    auto const minute = [&](Consolidation how) {
      auto const found = shop.one(first + "mem.working_set", shop.window(318, 323, how));
      REQUIRE(found.values.size() == 1);
      return found.values[0];
    };
    CHECK(minute(Consolidation::average) == Approx(1'000'000 + 13 / 5.0));
    CHECK(minute(Consolidation::avg_zero) == Approx(5'000'013 / 6.0));
    CHECK(minute(Consolidation::sum) == 5'000'013);
  }
  SECTION("a counter: 1, 2, 3, 1, 2, 3 ms in 10 s") {
    CHECK(shop.minute(first + "cpu.cores") == Approx(2e-4));
    CHECK(shop.minute(first + "cpu.cores", Consolidation::min) == Approx(1e-4));
    CHECK(shop.minute(first + "cpu.cores", Consolidation::max) == Approx(3e-4));
    CHECK(shop.minute(first + "cpu.cores", Consolidation::last) == Approx(3e-4));
    CHECK(shop.minute(first + "cpu.cores", Consolidation::sum) == Approx(12e-4));
    CHECK(shop.minute(first + "cpu.usage") == Approx(0.636));  // 106 times 6 ms
    CHECK(shop.minute("hosts.a.cpu.cores") == Approx(1e-4));
  }
  SECTION("a percentage is the quotient of sums: of 2 cores") {
    CHECK(shop.minute(first + "cpu.pct_limit") == Approx(0.01));
    CHECK(shop.minute(first + "cpu.pct_limit", Consolidation::max) == Approx(0.015));
    CHECK(shop.minute(first + "cpu.pct_limit", Consolidation::min) == Approx(0.005));
    CHECK(shop.minute(app + "all.cpu.pct_limit") == Approx(100 * 0.001 / 4));
    CHECK(shop.minute(app + "all.cpu.pct_limit", Consolidation::max) == Approx(100 * 0.0015 / 4));
  }
  SECTION("an app's STATs") {
    CHECK(shop.minute(app + "sum.cpu.cores") == Approx(10e-4));
    CHECK(shop.minute(app + "sum.cpu.cores", Consolidation::max) == Approx(15e-4));
    CHECK(shop.minute(app + "avg.cpu.cores") == Approx(5e-4));
    CHECK(shop.minute(app + "min.cpu.cores") == Approx(1e-4));   // the least of the least
    CHECK(shop.minute(app + "max.cpu.cores") == Approx(12e-4));  // the greatest of the greatest
    CHECK(shop.minute(app + "count.cpu.cores") == 2);
    CHECK(shop.minute(app + "p50.mem.working_set") == 1'000'003);
    CHECK(shop.minute(app + "p95.mem.working_set") == 2'000'003);
    CHECK(shop.minute(app + "p99.cpu.cores") == Approx(8e-4));
    CHECK(shop.minute(app + "all.state.expected") == 2);
    CHECK(shop.minute("total.sum.mem.working_set") == 3'000'006);
    CHECK(shop.minute("total.p50.mem.working_set") == 1'000'003);
    CHECK(shop.minute("total.p95.mem.working_set") == 2'000'003);
    CHECK(shop.minute("total.p99.cpu.cores") == Approx(8e-4));
    // And of raw rows: tick 1200 is 3 of 7.
    auto const raw = shop.one("total.p95.mem.working_set", shop.window(Shop::last, Shop::last));
    CHECK(raw.step == 10);
    CHECK(raw.values.back() == 2'000'003);
  }
  SECTION("ten minutes") {
    auto const found = shop.one(app + "sum.cpu.cores", shop.window(0, 59, Consolidation::max));
    CHECK(found.step == 600);
    REQUIRE(found.values.size() == 1);
    CHECK(found.values[0] == Approx(15e-4));
    CHECK(shop.one(app + "avg.cpu.cores", shop.window(0, 59)).values.at(0) == Approx(5e-4));
    CHECK(shop.one(app + "p95.cpu.cores", shop.window(0, 59)).values.at(0) == Approx(8e-4));
  }
  SECTION("no gap and no doubled point where files end") {
    for (auto const& [path, mean] : {std::pair{first + "cpu.cores", 2e-4},
                                     {app + "sum.cpu.cores", 10e-4},
                                     {app + "p95.cpu.cores", 8e-4},
                                     {std::string("total.p95.cpu.cores"), 8e-4}}) {
      INFO(path);
      auto const found = shop.one(path, shop.window(Shop::last - 420, Shop::last - 1));
      CHECK(shop.world.store().sealed_until(Tier::minute) <= TieredStore::tick_at(Shop::last - 6));
      REQUIRE(found.values.size() == 70);
      for (double const each : found.values) CHECK(each == Approx(mean));
    }
  }
}

TEST_CASE("consolidateBy and cumulative reach the tier; a sum over series does not") {
  Shop shop;
  auto const value = [&](std::string const& target) {
    auto const made = graphite::evaluate(target, shop.window(60, 65), *shop.source);
    REQUIRE(made);
    REQUIRE(made->size() == 1);
    return (*made)[0].values.at(0);
  };
  std::string const path = "dadvisor.c.instances.shop.1.mem.working_set";
  CHECK(value(path) == 1'000'003);
  CHECK(value("consolidateBy(" + path + ",'max')") == 1'000'006);
  CHECK(value("consolidateBy(alias(" + path + ",'x'),'min')") == 1'000'000);
  CHECK(value("cumulative(" + path + ")") == 6'000'018);
  CHECK(value("consolidateBy(sumSeries(dadvisor.c.instances.shop.*.mem.working_set),'max')") ==
        3'000'006);
}
