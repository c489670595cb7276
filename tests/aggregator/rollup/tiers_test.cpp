// Tiers out of a whole store: sealed, read over the seam, mended after late rows, kept over kills.

#include "tiered_store.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::rollup;
using store::Tier;

namespace {

WallTime tick_at(int number) { return TieredStore::tick_at(number); }

TestLife life(std::string host, std::string app, std::string id, int from, int until) {
  return {std::move(host), std::move(app), std::move(id), from, until, 1'000'000, 2, 1'000'000, 0};
}

EntityKey const shop{EntityKind::app, "c", "shop", 0};
EntityKey const total{EntityKind::total, "c", "", 0};

WindowFigure figure(store::EntityInfo const& info, WindowRow const& row, MetricId column) {
  WindowLayout const layout(info.entity.key.kind, info.columns);
  std::size_t const at = layout.place(column);
  REQUIRE(at < layout.columns().size());
  return row.figures[at];
}

void check_kept_is_made(TieredStore& world, int last) {
  for (Tier const tier : store::all_tiers) {
    INFO("tier " << static_cast<int>(tier));
    std::size_t windows = 0;
    for (auto const& [key, rows] : world.rows(tier, tick_at(0), tick_at(last))) {
      INFO(key.host << " " << key.container_id);
      CHECK(rows.kept == rows.made);
      windows += rows.kept.size();
    }
    CHECK(windows > 0);
  }
}

}  // namespace

TEST_CASE("minutes and ten minutes of instances, hosts, apps and totals") {
  TieredStore world;
  world.lives = {life("a", "shop", "1", 0, 999), life("b", "shop", "2", 0, 999),
                 life("b", "cron", "3", 0, 999)};
  world.lives[1].cpu_per_tick = 4'000'000;
  world.lives[1].memory = 2'000'000;
  world.lives[2].memory = 1'500'000;
  world.open();
  int const last = 6 * 130;  // two hours and ten minutes
  for (int number = 0; number <= last; ++number) {
    world.deliver("a", number);
    world.deliver("b", number);
    world.advance(TieredStore::step);
  }
  world.settle();
  REQUIRE(world.store().sealed_until(Tier::minute_instances) >= tick_at(last - 60));
  REQUIRE(world.store().sealed_until(Tier::ten_minutes) == tick_at(720));

  auto const minutes = world.rows(Tier::minute, tick_at(0), tick_at(last));
  auto const& app = minutes.at(shop);
  REQUIRE(app.kept.size() == 131);
  // Ticks 60 ... 65: cpu per tick is 1, 2, 3, 1, 2, 3 times 1 and 4 ms.
  WindowRow const& row = app.kept[10];
  CHECK(row.window == tick_at(60));
  CHECK(row.ticks == 6);
  CHECK(row.step == 10s);
  auto const at = [&](MetricId metric, RollupPart part) {
    return figure(app.info, row, rollup_column(metric, part));
  };
  CHECK(at(metric::cpu_usage, RollupPart::sum) ==
        WindowFigure{5'000'000, 15'000'000, 60'000'000, 15'000'000, 6});
  CHECK(at(metric::cpu_usage, RollupPart::min).last == 1'000'000);
  CHECK(at(metric::cpu_usage, RollupPart::max).last == 12'000'000);
  CHECK(at(metric::cpu_usage, RollupPart::count) == WindowFigure{2, 2, 12, 2, 6});
  // 60 % 7 is 4: 4, 5, 6, 0, 1, 2 twice over 3,000,000.
  CHECK(at(metric::mem_working_set, RollupPart::sum) ==
        WindowFigure{3'000'000, 3'000'012, 18'000'036, 3'000'004, 6});
  // The means are 1,000,003 and 2,000,003 bytes, 2 and 8 ms a tick.
  CHECK(at(metric::mem_working_set, RollupPart::p50).last == 1'000'003);
  CHECK(at(metric::mem_working_set, RollupPart::p95).last == 2'000'003);
  CHECK(at(metric::cpu_usage, RollupPart::p50).last == Approx(2'000'000));
  CHECK(at(metric::cpu_usage, RollupPart::p99).last == Approx(8'000'000));
  // 5, 10, 15 ms in 10 s of 4 cores.
  WindowFigure const percent = at(metric::cpu_pct_limit, RollupPart::all);
  CHECK(percent.min == Approx(100 * 0.0005 / 4));
  CHECK(percent.max == Approx(100 * 0.0015 / 4));
  CHECK(at(metric::cpu_pct_limit, RollupPart::numerator).sum == Approx(0.006));
  CHECK(at(metric::cpu_pct_limit, RollupPart::denominator).sum == 24);
  CHECK(at(metric::state_expected, RollupPart::all) == WindowFigure{2, 2, 12, 2, 6});

  auto const& whole = minutes.at(total);
  CHECK(figure(whole.info, whole.kept[10], rollup_column(metric::cpu_usage, RollupPart::sum)) ==
        WindowFigure{6'000'000, 18'000'000, 72'000'000, 18'000'000, 6});
  // The means of all three: 1,000,003, 1,500,003 and 2,000,003 bytes; 2, 2 and 8 ms a tick.
  auto const order = [&](auto const& rows, std::size_t window, MetricId metric, RollupPart part) {
    return figure(rows.info, rows.kept[window], rollup_column(metric, part)).last;
  };
  CHECK(order(whole, 10, metric::mem_working_set, RollupPart::p50) == 1'500'003);
  CHECK(order(whole, 10, metric::mem_working_set, RollupPart::p95) == 2'000'003);
  CHECK(order(whole, 10, metric::cpu_usage, RollupPart::p50) == Approx(2'000'000));
  CHECK(order(whole, 10, metric::cpu_usage, RollupPart::p99) == Approx(8'000'000));
  CHECK(order(whole, 10, metric::cpu_pct_limit, RollupPart::p99) == Approx(100 * 0.0008 / 2));
  auto const& host = minutes.at({EntityKind::host, "a", "", 0});
  CHECK(figure(host.info, host.kept[10], metric::cpu_usage) ==
        WindowFigure{1'000'000, 1'000'000, 6'000'000, 1'000'000, 6});

  for (auto const& [key, rows] : world.rows(Tier::minute_instances, tick_at(0), tick_at(last))) {
    INFO(key.container_id);
    REQUIRE(rows.kept.size() == 131);
    if (key.container_id != "2") continue;
    CHECK(figure(rows.info, rows.kept[10], metric::cpu_usage) ==
          WindowFigure{4'000'000, 12'000'000, 48'000'000, 12'000'000, 6});
    CHECK(figure(rows.info, rows.kept[10], metric::mem_working_set) ==
          WindowFigure{2'000'000, 2'000'006, 12'000'018, 2'000'002, 6});
  }
  auto const tens = world.rows(Tier::ten_minutes, tick_at(0), tick_at(last));
  auto const& ten = tens.at(shop);
  REQUIRE(ten.kept.size() == 14);  // twelve out of the file, two made
  CHECK(ten.kept[11].window == tick_at(660));
  CHECK(ten.kept[11].ticks == 60);
  CHECK(figure(ten.info, ten.kept[11], rollup_column(metric::cpu_usage, RollupPart::sum)) ==
        WindowFigure{5'000'000, 15'000'000, 600'000'000, 15'000'000, 60});
  CHECK(figure(ten.info, ten.kept[11], rollup_column(metric::cpu_usage, RollupPart::p99)).last ==
        Approx(8'000'000));
  // Of the ticks 660 ... 719 the sixty values of 0 ... 6 sum up to 177.
  CHECK(order(tens.at(total), 11, metric::mem_working_set, RollupPart::p50) ==
        Approx(1'500'000 + 177 / 60.0));
  CHECK(order(tens.at(total), 11, metric::cpu_usage, RollupPart::p95) == Approx(8'000'000));
  check_kept_is_made(world, last);
}

TEST_CASE("a host's late row takes back what a container's first minute counted from 0") {
  bool const buried = GENERATE(false, true);  // it is no longer in memory then
  TieredStore world;
  world.lives = {life("a", "shop", "1", 62, 999), life("b", "shop", "2", 0, 999)};
  world.lives[0].found = 64;  // two ticks late
  world.lives[0].before = 8s;
  world.open();
  int const last = 6 * 80;
  for (int number = 0; number <= last; ++number) {
    if (number != 62 && number != 63) world.deliver("a", number);
    world.deliver("b", number);
    world.advance(TieredStore::step);
  }
  world.settle();
  REQUIRE(world.store().sealed_until(Tier::minute_instances) > tick_at(66));
  auto const cpu = [&](Tier tier, EntityKind kind, MetricId column) {
    for (auto const& [key, rows] : world.rows(tier, tick_at(60), tick_at(60)))
      if (key.kind == kind && (kind != EntityKind::container || key.container_id == "1"))
        return figure(rows.info, rows.kept.at(0), column);
    return WindowFigure{};
  };
  MetricId const sum = rollup_column(metric::cpu_usage, RollupPart::sum);
  // At 62, 63, 64 it used 3, 1 and 2 ms: 2 ms a tick since it began behind 61; then 3 at 65.
  CHECK(cpu(Tier::minute_instances, EntityKind::container, metric::cpu_usage) ==
        WindowFigure{2'000'000, 3'000'000, 5'000'000, 3'000'000, 2});
  // The other one: 1, 2, 3, 1, 2, 3 ms.
  CHECK(cpu(Tier::minute, EntityKind::app, sum).sum == 12'000'000 + 5'000'000);
  for (int i = 0; i < 100 && buried && world.store().counters().dead_entities < 2; ++i)
    world.advance(11min);
  if (buried) REQUIRE(world.store().counters().dead_entities == 2);
  // Its agent watched then, 18 s after its begin, and knew nothing of it.
  world.deliver("a", 63);
  world.settle();
  CHECK(cpu(Tier::minute_instances, EntityKind::container, metric::cpu_usage) ==
        WindowFigure{3'000'000, 3'000'000, 3'000'000, 3'000'000, 1});
  CHECK(cpu(Tier::minute, EntityKind::app, sum).sum == 12'000'000 + 3'000'000);
  check_kept_is_made(world, last);
}

TEST_CASE("late rows make the windows that they touch again, also after a kill") {
  TieredStore world;
  world.lives = {life("a", "shop", "1", 0, 999), life("b", "shop", "2", 0, 999)};
  world.open();
  bool const killed = GENERATE(false, true);
  INFO("killed " << killed);
  int const last = 6 * 80;
  for (int number = 0; number <= last; ++number) {
    world.deliver("a", number);
    if (number != 63) world.deliver("b", number);
    world.advance(TieredStore::step);
  }
  world.settle();
  auto const sum_of = [&](Tier tier, int window) {
    auto const rows = world.rows(tier, tick_at(window), tick_at(window));
    return figure(rows.at(shop).info, rows.at(shop).kept.at(0),
                  rollup_column(metric::mem_working_set, RollupPart::sum))
        .sum;
  };
  // Each tick is 1,000,000 + number % 7: here 4, 5, 6, 0, 1, 2.
  REQUIRE(sum_of(Tier::minute, 60) == 2 * 6'000'018 - 1'000'000);
  double const ten_minutes = sum_of(Tier::ten_minutes, 60);
  world.deliver("b", 63);
  if (killed) {
    // The row goes to a spill, and what follows from it is known to memory alone.
    // Not the next spill: one may be under way that does not know the row yet.
    world.clock.advance(6min);
    REQUIRE(store::eventually([&] {
      world.run([] {});
      return world.store().counters().log_bytes == 0;
    }));
    world.stop(false);
    REQUIRE(world.store().counters().replayed_batches == 0);
  }
  world.settle();
  CHECK(sum_of(Tier::minute, 60) == 2 * 6'000'018);
  CHECK(sum_of(Tier::ten_minutes, 60) == ten_minutes + 1'000'000);
  check_kept_is_made(world, last);
}

TEST_CASE("rows that come late while windows are made again wait for the next turn") {
  TieredStore world;
  world.lives = {life("a", "shop", "1", 0, 999), life("b", "shop", "2", 0, 999)};
  world.open();
  int const late = 60, last = 6 * 30;  // of "b" the first ten minutes come last
  for (int number = 0; number <= last; ++number) {
    world.deliver("a", number);
    if (number >= late) world.deliver("b", number);
    world.advance(TieredStore::step);
  }
  world.settle();
  int next = 0;
  auto const deliver = [&] {
    if (next < late) world.deliver("b", next++);
    world.run([] {});
    return false;
  };
  deliver();
  world.clock.advance(70s);
  auto const before = world.keeper->counters().mended_ranges;
  world.keeper->work(world.clock.wall(), deliver);
  CHECK(world.keeper->counters().mended_ranges > before);
  CHECK(next < late);  // all of them, were it to end when nothing is dirty
  while (next < late) deliver();
  world.settle();
  check_kept_is_made(world, last);
}

TEST_CASE("an increase over a long hole counts behind it, also when a late row parts the hole") {
  TieredStore world;
  world.lives = {life("a", "shop", "1", 0, 999), life("b", "shop", "2", 0, 999)};
  world.open();
  int const last = 6 * 80;
  for (int number = 0; number <= last; ++number) {
    if (number < 50 || number > 71) world.deliver("a", number);  // over the periods' boundary, 60
    world.deliver("b", number);
    world.advance(TieredStore::step);
  }
  world.settle();
  REQUIRE(world.store().sealed_until(Tier::minute_instances) > tick_at(80));
  auto const increase = [&](int window) {
    auto const all = world.rows(Tier::minute_instances, tick_at(window), tick_at(window));
    for (auto const& [key, rows] : all)
      if (key.container_id == "1") {
        WindowLayout const layout(EntityKind::container, rows.info.columns);
        return rows.kept.at(0).increases[layout.place(metric::cpu_usage)];
      }
    return 0.0;
  };
  auto const used = [&](int from, int until) {
    return static_cast<double>(world.lives[0].cpu(until) - world.lives[0].cpu(from));
  };
  CHECK(increase(48) == used(47, 49));
  CHECK(increase(72) == used(49, 77));
  world.deliver("a", 55);
  world.settle();
  CHECK(increase(54) == used(49, 55));
  CHECK(increase(72) == used(55, 77));
  check_kept_is_made(world, last);
}

TEST_CASE("raw rows wait for the tier, over days without an aggregator") {
  TieredStore world;
  world.lives = {life("a", "shop", "1", 0, 9999)};
  world.options().retention = 1h;
  world.open();
  for (int number = 0; number <= 100; ++number) {
    world.deliver("a", number);
    world.advance(TieredStore::step);
  }
  REQUIRE(world.store().sealed_until(Tier::minute) == tick_at(60));
  world.clock.advance(12h);
  world.stop(false);
  int const later = 101 + 12 * 360;
  for (int number = later; number < later + 100; ++number) {
    world.deliver("a", number);
    world.advance(TieredStore::step);
  }
  world.settle();
  auto const rows = world.rows(Tier::minute, tick_at(0), tick_at(later - 10));
  REQUIRE(rows.at(shop).kept.size() == 17);
  CHECK(rows.at(shop).kept.back().ticks == 5);  // 96 ... 100
  // Raw rows are gone now, but for those that left memory after the restart, with new ones.
  auto const made_of_raw = [&] {
    return world.rows(Tier::minute, tick_at(0), tick_at(later - 10)).at(shop).made.size();
  };
  CHECK(store::eventually([&] {
    world.advance(70s);
    return made_of_raw() < rows.at(shop).kept.size();
  }));
}
