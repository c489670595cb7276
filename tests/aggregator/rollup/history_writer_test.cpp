// Values of any age into the tiers: the windows that they would have become in their time.

#include "aggregator/rollup/history_writer.hpp"

#include <catch2/catch.hpp>

#include "common/core/foreign.hpp"
#include "tiered_store.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

constexpr MetricId first_leaf = foreign_column(0), second_leaf = foreign_column(1);
EntityKey const its_key = foreign_key("old.h1", 10, 0);
constexpr auto days = std::chrono::hours(24);

using Values = std::map<WallTime, double>;

// From `begin` on, ten seconds apart: 0, 1, 2 ...
Values counting(WallTime begin, int count) {
  Values values;
  for (int i = 0; i < count; ++i) values[begin + i * 10s] = i;
  return values;
}

class History {
 public:
  History() { tiered.open(); }
  WallTime now() const { return tiered.clock.wall(); }

  Result<OldRowsWritten> write(MetricId column, Values const& values) {
    store::EntityInfo info;
    info.entity = {its_key, foreign_labels("a\nb")};
    info.first_tick = values.begin()->first;
    info.last_tick = values.rbegin()->first;
    info.step = 10s;
    info.columns = {column};
    auto const known = tiered.store().extend({&info, 1});
    REQUIRE(known);
    OldRows rows{known->at(0), {column}, {}};
    for (auto const& [tick, value] : values) rows.rows[tick] = {real_cell(value)};
    HistoryWriter writer(tiered.store(), now(), [] { return false; });
    return writer.write({rows});
  }
  // The figures of a leaf by the begins of their windows.
  std::map<WallTime, WindowFigure> figures(store::Tier tier, MetricId column = first_leaf) {
    std::map<WallTime, WindowFigure> found;
    for (auto const& [key, rows] : tiered.rows(tier, WallTime{}, now())) {
      if (key != its_key) continue;
      WindowLayout const layout(EntityKind::foreign, rows.info.columns);
      auto const place = layout.place(column);
      if (place == layout.columns().size()) continue;
      for (WindowRow const& row : rows.kept)
        if (row.figures[place].count > 0) found[row.window] = row.figures[place];
    }
    return found;
  }

  TieredStore tiered;
};

TEST_CASE("what is older than raw rows becomes windows of minutes and of ten minutes") {
  History history;
  WallTime const young = history.now() - 10 * days, old = history.now() - 100 * days;
  auto values = counting(old, 12);
  values.merge(counting(young, 12));
  auto const written = history.write(first_leaf, values);
  REQUIRE(written);
  CHECK(written->values == 24);
  CHECK(written->sum == 2 * 66);  // 0 + 1 + ... + 11
  CHECK(written->kept == 0);
  using Figures = std::map<WallTime, WindowFigure>;
  WindowFigure const whole{0, 11, 66, 11, 12};
  Figures const minutes{{young, {0, 5, 15, 5, 6}}, {young + 1min, {6, 11, 51, 11, 6}}};
  Figures const tens{{old, whole}, {young, whole}};
  CHECK(history.figures(store::Tier::minute) == minutes);
  CHECK(history.figures(store::Tier::ten_minutes) == tens);

  // Again: nothing changes.
  auto const again = history.write(first_leaf, values);
  REQUIRE(again);
  CHECK(again->values == 24);
  CHECK(history.figures(store::Tier::minute) == minutes);
  CHECK(history.figures(store::Tier::ten_minutes) == tens);

  // Nor by a stop, nor when the tiers go on.
  for (bool const power_cut : {false, true}) {
    history.tiered.stop(power_cut);
    for (int i = 0; i < 30; ++i) history.tiered.advance(10min);
    CHECK(history.figures(store::Tier::minute) == minutes);
    CHECK(history.figures(store::Tier::ten_minutes) == tens);
  }
}

TEST_CASE("leaves that come one after the other stand beside each other") {
  History history;
  WallTime const begin = history.now() - 10 * days;
  REQUIRE(history.write(first_leaf, counting(begin, 6)));
  REQUIRE(history.write(second_leaf, {{begin + 10s, 7}, {begin + 60s, 8}}));
  for (store::Tier const tier : {store::Tier::minute, store::Tier::ten_minutes})
    CHECK(history.figures(tier) == std::map<WallTime, WindowFigure>{{begin, {0, 5, 15, 5, 6}}});
  CHECK(
      history.figures(store::Tier::minute, second_leaf) ==
      std::map<WallTime, WindowFigure>{{begin, {7, 7, 7, 7, 1}}, {begin + 1min, {8, 8, 8, 8, 1}}});
  CHECK(history.figures(store::Tier::ten_minutes, second_leaf) ==
        std::map<WallTime, WindowFigure>{{begin, {7, 8, 15, 8, 2}}});
}

TEST_CASE("of a window the more complete figure stays, and minutes add up") {
  History history;
  WallTime const young = history.now() - 10 * days, old = history.now() - 100 * days;
  REQUIRE(history.write(first_leaf, counting(old, 12)));
  auto const less = history.write(first_leaf, {{old, 100}});
  REQUIRE(less);
  CHECK(less->values == 0);
  CHECK(less->kept == 1);
  CHECK(history.figures(store::Tier::ten_minutes)[old] == WindowFigure{0, 11, 66, 11, 12});
  // As complete: what comes counts.
  Values other = counting(old, 12);
  for (auto& each : other) each.second = 3;
  REQUIRE(history.write(first_leaf, other));
  CHECK(history.figures(store::Tier::ten_minutes)[old] == WindowFigure{3, 3, 36, 3, 12});
  // Minutes that are kept: another one is no less complete.
  REQUIRE(history.write(first_leaf, counting(young, 6)));
  REQUIRE(history.write(first_leaf, {{young + 2min, 50}}));
  CHECK(history.figures(store::Tier::ten_minutes)[young] == WindowFigure{0, 50, 65, 50, 7});
}

TEST_CASE("rows that a young store has raw are made into tiers nevertheless") {
  History history;
  auto& tiered = history.tiered;
  tiered.lives = {{"h", "/app", "one", 0, 60, 1000, 1, 500}};
  for (int number = 0; number <= 60; ++number) tiered.deliver("h", number);
  tiered.run([] {});               // what is acknowledged may not be applied yet
  tiered.clock.advance(3 * days);  // nothing is sealed yet, and the rows are past their retention
  auto const made = [&](store::Tier tier) {
    return tiered.rows(tier, TieredStore::tick_at(0), TieredStore::tick_at(120));
  };
  std::map<store::Tier, std::map<EntityKey, TieredStore::EntityRows>> before;
  for (store::Tier const tier : {store::Tier::minute_instances, store::Tier::minute})
    before[tier] = made(tier);
  REQUIRE(history.write(first_leaf, counting(history.now() - 100 * days, 6)));
  tiered.settle();
  for (store::Tier const tier : {store::Tier::minute_instances, store::Tier::minute}) {
    auto const after = made(tier);
    std::size_t windows = 0;
    for (auto const& [key, rows] : before[tier]) {
      REQUIRE(after.contains(key));
      CHECK(after.at(key).kept == rows.made);
      windows += rows.made.size();
    }
    CHECK(windows >= 11);  // the minutes of a container, and of its host
  }
}

TEST_CASE("what was deleted does not come back unseen") {
  History history;
  WallTime const begin = history.now() - 10 * days;
  REQUIRE(history.write(first_leaf, counting(begin, 6)));
  auto const id = history.tiered.store().entities()->at(0).id;
  store::Tombstone const all{id, 0, store::tick_ns(history.now()), store::tick_ns(history.now())};
  REQUIRE(history.tiered.store().delete_rows({&all, 1}, {history.now(), "a test", "all"}));
  CHECK(history.figures(store::Tier::minute).empty());
  auto const written = history.write(first_leaf, counting(begin, 6));
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Errc::io);
}

}  // namespace
}  // namespace dadvisor::aggregator::rollup
