#include "aggregator/rollup/engine.hpp"

#include <catch2/catch.hpp>

#include "rolled_up_world.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

TEST_CASE("ticks in order become rows of the app and of the cluster, from memory") {
  World world;
  world.lives = {life("a", "/shop", "1", 0, 99), life("b", "/shop", "2", 0, 99),
                 life("b", "cron", "3", 0, 99)};
  world.lives[0].cpu_per_tick = 5'000'000'000;  // half a core
  world.lives[0].limit = 0.5;
  world.lives[1].cpu_per_tick = 1'000'000'000;
  world.lives[1].limit = 2;
  world.lives[2].cpu_per_tick = 3'000'000'000;
  for (Life& one : world.lives) one.memory = 100;
  world.attach(tick_at(-100));
  for (int number = 0; number < 10; ++number) {
    world.deliver({"a", number});
    world.deliver({"b", number});
    world.flush(tick_at(number) + 2s);
  }
  CHECK(world.counters().recomputed_rows == 0);
  auto const shop = world.rows(EntityKind::app, "/shop");
  CHECK(world.labels == Labels{{"app", "/shop"}, {"cluster", "c"}, {"owner", "team-/shop"}});
  REQUIRE(shop.size() == 10);
  CHECK(shop.at(5).window == step);
  CHECK(sum(shop.at(5), metric::cpu_usage) == Approx(6e9));
  CHECK(sum(shop.at(0), metric::cpu_usage) == Approx(6e9));  // both began since the tick before
  CHECK(value(shop.at(5), metric::cpu_pct_limit, RollupPart::numerator) == Approx(0.6));
  CHECK(value(shop.at(5), metric::cpu_pct_limit, RollupPart::denominator) == Approx(2.5));
  CHECK(expected(shop.at(5)) == 2);
  auto const total = world.rows(EntityKind::total, "");
  REQUIRE(total.size() == 10);
  CHECK(sum(total.at(5), metric::cpu_usage) == Approx(9e9));
  CHECK(sum(total.at(5), metric::mem_usage) == 300);
  CHECK(value(total.at(5), metric::mem_usage, RollupPart::count) == 3);
  CHECK(expected(total.at(5)) == 3);
}

TEST_CASE("a batch that comes twice changes nothing") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99)};
  world.lives[0].cpu_per_tick = 1'000'000'000;
  world.attach(tick_at(-100));
  for (int number = 0; number < 4; ++number) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto const before = world.rows(EntityKind::app, "shop");
  world.deliver({"a", 2});
  world.deliver({"a", 3});
  world.flush(tick_at(4));
  CHECK(world.rows(EntityKind::app, "shop") == before);
  CHECK(world.counters().late_batches == 0);
}

TEST_CASE("a late tick corrects its own sum and the rates after it") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "shop", "2", 0, 99)};
  world.lives[0].cpu_per_tick = 2'000'000'000;
  world.lives[1].cpu_per_tick = 4'000'000'000;
  world.lives[1].memory = 50;
  world.attach(tick_at(-100));
  for (int number = 0; number < 8; ++number) {
    world.deliver({"a", number});
    if (number != 3) world.deliver({"b", number});
    world.run([&](RollupEngine& engine) { engine.ready(tick_at(number)); });
    world.flush(tick_at(number) + 2s);
  }
  auto rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(3), metric::cpu_usage) == Approx(2e9));
  CHECK(expected(rows.at(3)) == 2);  // the dip is flagged
  CHECK(sum(rows.at(4), metric::cpu_usage) == Approx(6e9));
  Delivery const late{"b", 3};
  SECTION("while the tick is open") {
    world.deliver(late);
    world.flush(tick_at(8));
  }
  SECTION("when it has closed, a minute later, with what comes meanwhile") {
    WallTime const now = tick_at(3) + 130s;
    world.flush(now);
    world.deliver(late);
    world.flush(now + 1s);
    world.flush(now + 60s);
    CHECK(world.rows(EntityKind::app, "shop") == rows);
    auto const before = world.counters().recomputed_rows;
    world.flush(now + 61s);
    CHECK(world.counters().recomputed_rows > before);
    CHECK(world.counters().dirty_windows == 0);
  }
  rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(3), metric::cpu_usage) == Approx(6e9));
  CHECK(sum(rows.at(3), metric::mem_usage) == 50);
  CHECK(sum(rows.at(4), metric::cpu_usage) == Approx(6e9));
  auto const total = world.rows(EntityKind::total, "");
  CHECK(sum(total.at(3), metric::cpu_usage) == Approx(6e9));
  CHECK(world.counters().late_batches == 1);
}

TEST_CASE("a host's late tick without containers takes back what counted from 0") {
  World world;
  // Began after tick 3, was found at tick 6: with no tick between, all of its count is since then.
  Life found_late = life("a", "shop", "1", 6, 99);
  found_late.start_ns = (first_tick + 10 * 3 + 2) * 1'000'000'000;
  found_late.cpu_per_tick = 3'000'000'000;
  world.lives = {found_late};
  world.attach(tick_at(-100));
  for (int const number : {0, 1, 2, 3, 6, 7, 8}) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(6), metric::cpu_usage) == Approx(1e9));  // 3 s of CPU in 30 s
  CHECK(sum(rows.at(7), metric::cpu_usage) == Approx(3e9));
  WallTime now = tick_at(8) + 2s;
  SECTION("while the tick is open") {}
  SECTION("when it has closed") {
    now += 200s;
    world.flush(now);
  }
  // The agent watched at tick 5, 18 s after its begin, longer than a name takes, and did not see
  // it: whoever counted before 6 is not known.
  world.deliver({"a", 5});
  world.settle(now);
  rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(6), metric::cpu_usage) == -1);
  CHECK(sum(rows.at(7), metric::cpu_usage) == Approx(3e9));
}

TEST_CASE("an app whose only host is silent keeps a row that says what is missing") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "cron", "2", 0, 99)};
  world.attach(tick_at(-100));
  for (int number = 0; number < 8; ++number) {
    world.deliver({"b", number});
    if (number < 3) world.deliver({"a", number});
    world.run([&](RollupEngine& engine) { engine.ready(tick_at(number)); });
    world.flush(tick_at(number) + 2s);
  }
  auto const rows = world.rows(EntityKind::app, "shop");
  REQUIRE(rows.size() == 6);
  CHECK(expected(rows.at(5)) == 1);
  CHECK(sum(rows.at(5), metric::mem_usage) == -1);
  CHECK(expected(world.rows(EntityKind::total, "").at(5)) == 2);
  CHECK(expected(world.rows(EntityKind::total, "").at(6)) == 1);
}

TEST_CASE("after a restart the rows are made again from the log") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99)};
  world.lives[0].cpu_per_tick = 2'000'000'000;
  world.attach(tick_at(-100));
  for (int number = 0; number < 6; ++number) world.deliver({"a", number});
  world.restart(tick_at(6));
  CHECK(world.rows(EntityKind::app, "shop").empty());
  world.flush(tick_at(6));
  for (int number = 6; number < 20; ++number) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto const rows = world.rows(EntityKind::app, "shop");
  REQUIRE(rows.size() == 20);
  for (auto const& [number, row] : rows) CHECK(sum(row, metric::cpu_usage) == Approx(2e9));
  CHECK(world.counters().merged_rows > 5);  // back to memory
}

TEST_CASE("a restart makes the rows of closed ticks at once too") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99)};
  world.attach(tick_at(-100));
  for (int number = 0; number < 30; ++number) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto const apps = world.rows(EntityKind::app, "shop");
  auto const totals = world.rows(EntityKind::total, "");
  REQUIRE(apps.size() == 30);
  REQUIRE(totals.size() == 30);
  world.restart(tick_at(30));  // ticks up to 18 are closed then
  world.run([&](RollupEngine& engine) {
    while (engine.flush(tick_at(30))) continue;  // as main does: at once again while there is more
  });
  CHECK(world.rows(EntityKind::app, "shop") == apps);
  CHECK(world.rows(EntityKind::total, "") == totals);
}

}  // namespace
}  // namespace dadvisor::aggregator::rollup
