// Single columns of foreign entities that were deleted: their neighbours stay, and a value that
// comes behind the deletion is seen.

#include <catch2/catch.hpp>
#include <random>

#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/tombstones.hpp"
#include "common/core/foreign.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

EntityKey const its_key = foreign_key("servers.h1", 10, 0);
MetricId const idle = foreign_column(0), user = foreign_column(1);
using Ticks = std::vector<std::int64_t>;

Ticks steps(std::int64_t from, std::int64_t until) {
  Ticks all;
  for (auto tick = from; tick <= until; tick += 10) all.push_back(tick);
  return all;
}

// One entity of two leaves, a store, and what is to be seen of them.
struct Points {
  SimulatedDisk disk;
  StandingClock clock{at(0)};
  StoreOnTrial trial{disk, clock};
  std::uint64_t sequence = 0;

  // Idle is the tick's number, user ten times that.
  void send(std::int64_t from, std::int64_t until, bool with_idle = true) {
    for (auto const tick : steps(from, until)) {
      Batch made;
      made.stream = foreign_stream(10);
      made.sequence = ++sequence;
      made.tick = at(tick);
      made.step = 10s;
      made.schemas = {{{idle, user}}};
      made.entities.push_back({7, {its_key, foreign_labels("idle\nuser")}});
      auto const value = static_cast<double>(tick);
      made.rows = {{7, 0, {with_idle ? real_cell(value) : Cell(), real_cell(10 * value)}}};
      REQUIRE(trial.append(made).get());
    }
    trial.settle();
  }
  Ticks ticks(MetricId column) {
    Ticks all;
    for (auto const& [tick, cells] : trial.rows(its_key, {column})) {
      if (!cells[0]) continue;
      CHECK(cell_real(*cells[0]) == static_cast<double>(column == idle ? tick : 10 * tick));
      all.push_back(tick);
    }
    return all;
  }
  std::optional<EntityInfo> info() const {
    auto const list = trial.store->entities();
    for (EntityInfo const& one : *list)
      if (one.entity.key == its_key) return one;
    return std::nullopt;
  }
  std::vector<MetricId> columns() const { return info()->columns; }
  void remove(MetricId column, TickNs from, std::int64_t until) {
    std::vector<Tombstone> const all{
        {info()->id, from, tick_ns(at(until)), tick_ns(clock.wall()), column}};
    REQUIRE(trial.store->delete_rows(all, {at(0), "a test", "a leaf"}));
  }
  std::size_t values_on_disk(MetricId column) {
    std::size_t sum = 0;
    for (auto const& path : disk.paths(".rows")) {
      auto const file = SpillFile::open(disk, path);
      ColumnTable table;
      std::uint64_t damaged = 0;
      SpillCursor cursor;
      if (!file || !(*file)->append(info()->id, table, damaged, cursor))
        continue;  // it may go meanwhile
      for (TableColumn const& each : table.columns)
        if (each.id == column) sum += each.values.size();
    }
    return sum;
  }
};

TEST_CASE("a deleted column leaves its neighbour alone, and is known again with its next value") {
  Points points;
  points.send(0, 290);
  REQUIRE(points.trial.spill(15min));  // some rows are in a file
  points.clock.advance(-15min);
  points.send(300, 590);
  auto const generation = points.trial.store->generation();
  points.remove(idle, 0, 590);
  auto const gone = [&] {
    CHECK(points.ticks(idle).empty());
    CHECK(points.ticks(user) == steps(0, 590));
    CHECK(points.columns() == std::vector<MetricId>{user});
  };
  gone();
  CHECK(points.trial.store->generation() > generation);
  // What comes late stays deleted, and so does what a replay brings back.
  points.send(595, 595, false);
  points.send(35, 35);
  CHECK(points.ticks(idle).empty());
  CHECK(points.columns() == std::vector<MetricId>{user});
  points.trial.open();
  CHECK(points.ticks(idle).empty());
  CHECK(points.columns() == std::vector<MetricId>{user});
  points.send(600, 610);
  CHECK(points.ticks(idle) == steps(600, 610));
  CHECK(points.columns() == std::vector<MetricId>{idle, user});
  points.trial.open();
  CHECK(points.ticks(idle) == steps(600, 610));
  CHECK(points.columns() == std::vector<MetricId>{idle, user});
}

TEST_CASE("of a column a range alone may go") {
  Points points;
  points.send(0, 90);
  points.remove(user, tick_ns(at(20)), 50);
  Ticks const left{0, 10, 60, 70, 80, 90};
  CHECK(points.ticks(user) == left);
  CHECK(points.ticks(idle) == steps(0, 90));
  CHECK(points.columns() == std::vector<MetricId>{idle, user});
  points.trial.open();
  CHECK(points.ticks(user) == left);
  CHECK(points.columns() == std::vector<MetricId>{idle, user});
}

TEST_CASE("a column's deletion survives a kill behind its answer") {
  for (bool const power_cut : {false, true}) {
    Points points;
    points.send(0, 90);
    points.remove(idle, 0, 90);
    std::mt19937_64 random(3);
    points.disk.crash(random, power_cut);
    points.trial.store.reset();
    points.disk.restart();
    points.trial.open();
    CHECK(points.ticks(idle).empty());
    CHECK(points.ticks(user) == steps(0, 90));
    CHECK(points.columns() == std::vector<MetricId>{user});
  }
}

TEST_CASE("a column's space comes back from files") {
  Points points;
  for (int part = 0; part < 2; ++part) {
    points.send(part * 1000, part * 1000 + 590);
    REQUIRE(points.trial.spill(20min));
  }
  REQUIRE(points.values_on_disk(idle) == 120);
  points.clock.advance(1s);
  points.remove(idle, 0, 2000);
  REQUIRE(points.trial.store->compact());
  CHECK(points.values_on_disk(idle) == 0);
  CHECK(points.values_on_disk(user) == 120);
  points.trial.open();
  CHECK(points.ticks(user).size() == 120);
}

TEST_CASE("in a tier all parts of a deleted column's window go") {
  Points points;
  points.send(0, 90);
  WallTime const period = tick_of(at(0), 2h);
  MetricId const idle_last = window_column(idle, WindowPart::last);
  MetricId const idle_sum = window_column(idle, WindowPart::sum);
  MetricId const user_last = window_column(user, WindowPart::last);
  std::vector<MetricId> columns{idle_last, idle_sum, user_last};
  std::ranges::sort(columns);
  // Windows 0 ... 9, all values are their numbers; none of idle in window 9.
  bool given = false;
  REQUIRE(points.trial.store->write_tier(
      Tier::minute, period, true, [&](TierRows& out) -> Result<bool> {
        if (std::exchange(given, true)) return false;
        out.entity = points.info()->id;
        out.rows = Rows(columns);
        for (std::size_t window = 0; window < 10; ++window) {
          out.rows.insert(window, tick_ns(period + static_cast<int>(window) * 1min));
          for (std::size_t i = 0; i < columns.size(); ++i)
            if (window < 9 || columns[i] == user_last)
              out.rows.set(window, i, static_cast<std::int64_t>(window));
        }
        return true;
      }));
  auto const seen = [&] {
    std::map<MetricId, std::vector<std::int64_t>> values;
    REQUIRE(points.trial.store->scan_tier(Tier::minute, points.info()->id, columns, WallTime::min(),
                                          WallTime::max(), [&](WallTime, auto cells) {
                                            for (std::size_t i = 0; i < columns.size(); ++i)
                                              if (cells[i]) values[columns[i]].push_back(*cells[i]);
                                          }));
    return values;
  };
  REQUIRE(seen()[idle_sum].size() == 9);
  points.clock.advance(3h);
  // From within window 2 to the first nanosecond of window 4.
  std::vector<Tombstone> const middle{{points.info()->id, tick_ns(period + 2min) + 30'000'000'000,
                                       tick_ns(period + 4min), tick_ns(points.clock.wall()), idle}};
  REQUIRE(points.trial.store->delete_rows(middle, {at(0), "a test", "the middle"}));
  std::vector<std::int64_t> const left{0, 1, 5, 6, 7, 8};
  for (bool const compacted : {false, true}) {
    if (compacted) REQUIRE(points.trial.store->compact());
    auto values = seen();
    CHECK(values[idle_last] == left);
    CHECK(values[idle_sum] == left);
    CHECK(values[user_last].size() == 10);
  }
  auto const rows = points.values_on_disk(idle_sum);
  CHECK(rows == left.size());
}

}  // namespace
}  // namespace dadvisor::aggregator::store
