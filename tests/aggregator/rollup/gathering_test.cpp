// When an app's tick is merged, and how often.

#include <catch2/catch.hpp>

#include "rolled_up_world.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

TEST_CASE("an app's tick is rolled up once all its hosts brought it, or two seconds after it") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "shop", "2", 0, 99),
                 life("b", "cron", "3", 0, 99)};
  for (Life& one : world.lives) one.memory = 100;
  world.attach(tick_at(-100));
  auto const instances = [&](std::string const& app, int number) -> double {
    auto const rows = world.rows(EntityKind::app, app);
    auto const row = rows.find(number);
    return row == rows.end() ? 0 : value(row->second, metric::mem_usage, RollupPart::count);
  };
  auto const in_the_test = [&](std::uint64_t merged) {
    return world.counters().merged_rows == merged && world.counters().recomputed_rows == 0;
  };
  world.deliver({"a", 0});
  world.deliver({"b", 0});
  world.flush(tick_at(0));
  CHECK(instances("shop", 0) == 2);
  CHECK(in_the_test(2));
  world.deliver({"b", 1});
  world.flush(tick_at(1) + 1999ms);
  CHECK(instances("shop", 1) == 0);  // a may bring it yet
  CHECK(instances("cron", 1) == 1);
  CHECK(in_the_test(3));
  world.flush(tick_at(1) + 2s);
  CHECK(instances("shop", 1) == 1);
  CHECK(in_the_test(4));
  world.deliver({"a", 1});  // all of them now: at once
  world.flush(tick_at(1) + 3s);
  CHECK(instances("shop", 1) == 2);
  CHECK(world.rows(EntityKind::total, "").size() == 2);
  CHECK(in_the_test(5));
  world.deliver({"a", 2});
  world.run([](RollupEngine& engine) { engine.ready(tick_at(2)); });
  world.flush(tick_at(2) + 1s);  // ready: whoever is missing
  CHECK(instances("shop", 2) == 1);
}

TEST_CASE("stragglers of a tick are merged every five seconds") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "shop", "2", 0, 99),
                 life("c", "shop", "3", 0, 99)};
  world.attach(tick_at(-100));
  for (char const* const host : {"a", "b", "c"}) world.deliver({host, 0});
  world.flush(tick_at(0) + 2s);
  world.deliver({"a", 1});
  world.flush(tick_at(1) + 2s);
  CHECK(world.counters().merged_rows == 2);
  world.deliver({"b", 1});
  world.flush(tick_at(1) + 3s);
  world.flush(tick_at(1) + 6999ms);
  CHECK(world.counters().merged_rows == 2);  // c may come yet
  world.flush(tick_at(1) + 7s);
  CHECK(world.counters().merged_rows == 3);
  CHECK(world.counters().recomputed_rows == 0);
}

}  // namespace
}  // namespace dadvisor::aggregator::rollup
