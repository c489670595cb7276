// Whatever the order, the repetition, the restarts, kills and power cuts: every tier ends as if the
// raw rows had come in order into a store that was never stopped.

#include "tests/sanitized.hpp"
#include "tiered_store.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::rollup;
using store::Tier;

namespace {

constexpr int last_tick = 6 * 45;

void make_short(TieredStore& world) {
  world.options().tiers.of(Tier::minute_instances).period = 5min;
  world.options().tiers.of(Tier::minute).period = 5min;
  world.options().tiers.of(Tier::ten_minutes).period = 20min;
}

// What tells two rows of an entity apart; nothing when they are the same.
std::string difference(store::EntityInfo const& info, WindowRow const& a, WindowRow const& b) {
  if (a == b) return {};
  std::string text = "ticks " + std::to_string(a.ticks) + " " + std::to_string(b.ticks);
  WindowLayout const layout(info.entity.key.kind, info.columns);
  for (std::size_t i = 0; i < layout.columns().size(); ++i) {
    if (a.figures[i] == b.figures[i]) continue;
    text += "; " + std::to_string(column_metric(layout.columns()[i].column)) + "." +
            std::to_string(static_cast<int>(column_part(layout.columns()[i].column)));
    for (WindowFigure const* figure : {&a.figures[i], &b.figures[i]})
      for (double const part : {figure->min, figure->max, figure->sum, figure->last, figure->count})
        text += " " + std::to_string(part);
  }
  return text;
}

void end(TieredStore& world) {
  for (int number = last_tick + 1; number <= last_tick + 3; ++number)
    world.run([&] { world.engine->ready(TieredStore::tick_at(number)); });
  world.clock.advance(
      std::max(Nanoseconds{}, TieredStore::tick_at(last_tick) + 30min - world.clock.wall()));
  world.settle();
}

std::vector<unsigned> seeds() {
  return sanitized ? std::vector{6u} : std::vector{1u, 3u, 6u, 8u, 12u};
}

}  // namespace

TEST_CASE("any mix of late, doubled and reordered batches, with restarts, gives the same tiers") {
  unsigned const seed = GENERATE(from_range(seeds()));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  auto const pick = [&](int most) {
    return static_cast<int>(random() % static_cast<unsigned>(most));
  };
  std::vector<std::string> const hosts{"a", "b", "c"}, apps{"/shop/cart", "web", "cron"};
  std::vector<TestLife> lives;
  for (int i = 0; i < 9; ++i) {
    int const from = pick(3) == 0 ? pick(last_tick) : 0;
    TestLife one;
    one.host = hosts[static_cast<std::size_t>(pick(3))];
    one.app = apps[static_cast<std::size_t>(pick(3))];
    one.id = std::to_string(i);
    one.from = from;
    one.until = pick(3) == 0 ? from + pick(last_tick) : 9999;
    one.cpu_per_tick = std::int64_t{1'000'000} * (1 + pick(5'000));
    one.memory = 1'000'000 + pick(1'000'000);
    one.limit = pick(2) ? 0.5 * (1 + pick(4)) : 0;
    one.found = from + std::max(0, pick(6) - 3);
    lives.push_back(one);
  }
  struct Delivery {
    std::string host;
    int number;
  };
  std::vector<Delivery> in_order, mixed;
  for (int number = 0; number <= last_tick; ++number)
    for (std::string const& host : hosts)
      if (pick(25) != 0 || number == last_tick) in_order.push_back({host, number});
  mixed = in_order;
  for (std::size_t i = 0; i < mixed.size(); ++i) {
    // Over a few places, or far: up to 25 minutes.
    std::size_t const other = i + random() % (pick(20) == 0 ? 450 : 5);
    if (pick(4) == 0 && other < mixed.size()) std::swap(mixed[i], mixed[other]);
  }
  for (int i = 0; i < 20; ++i) {
    auto const again = mixed[random() % mixed.size()];
    mixed.insert(mixed.begin() + pick(static_cast<int>(mixed.size())), again);
  }

  TieredStore expected;
  make_short(expected);
  expected.lives = lives;
  expected.open();
  int newest = -1;
  for (auto const& [host, number] : in_order) {
    for (; newest < number; ++newest) {
      expected.run([&] { expected.engine->ready(TieredStore::tick_at(newest)); });
      expected.advance(
          std::max(Nanoseconds{}, TieredStore::tick_at(number) - expected.clock.wall()));
    }
    expected.deliver(host, number);
  }
  end(expected);
  REQUIRE(expected.keeper->counters().mended_ranges == 0);  // it was never late

  TieredStore world(seed);
  make_short(world);
  world.lives = lives;
  world.open();
  newest = -1;
  for (auto const& [host, number] : mixed) {
    for (; newest < number; ++newest)
      world.run([&] { world.engine->ready(TieredStore::tick_at(newest)); });
    auto const now = TieredStore::tick_at(number) + 1s;
    if (now > world.clock.wall()) world.clock.advance(now - world.clock.wall());
    world.deliver(host, number);
    if (pick(4) == 0) world.advance({});
    if (pick(60) == 0) world.stop(pick(2) == 0);
  }
  end(world);
  CHECK(world.store().counters().late_beyond_raw == 0);

  for (Tier const tier : store::all_tiers) {
    INFO("tier " << static_cast<int>(tier));
    REQUIRE(world.store().sealed_until(tier) >= TieredStore::tick_at(6 * 40));
    auto const from = TieredStore::tick_at(0), until = TieredStore::tick_at(last_tick);
    auto const found = world.rows(tier, from, until), wanted = expected.rows(tier, from, until);
    for (auto const& [key, rows] : wanted) {
      INFO(key.host << " " << key.container_id);
      REQUIRE(found.contains(key));
      auto const& its = found.at(key);
      CHECK(its.info.columns == rows.info.columns);
      REQUIRE(its.kept.size() == rows.kept.size());
      for (std::size_t i = 0; i < rows.kept.size(); ++i) {
        INFO("window " << i);
        CHECK(difference(rows.info, its.kept[i], rows.kept[i]) == "");
        CHECK(difference(rows.info, its.made[i], rows.kept[i]) == "");
      }
      CHECK(rows.kept.size() > 0);
    }
    CHECK(found.size() == wanted.size());
  }
}
