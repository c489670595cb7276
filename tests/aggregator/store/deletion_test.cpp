// Deleted rows: seen by nobody at once, over kills, spills, merges and tiers; and their space.

#include <catch2/catch.hpp>
#include <random>

#include "aggregator/store/column_scan.hpp"
#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/tombstones.hpp"
#include "common/core/foreign.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr TickNs second = 1'000'000'000;

Tombstone range(EntityId entity, std::int64_t from, std::int64_t until) {
  return {entity, tick_ns(at(from)), tick_ns(at(until)), tick_ns(at(until))};
}

EntityId id_of(Store const& store, EntityKey const& key) {
  auto const list = store.entities();
  for (EntityInfo const& info : *list)
    if (info.entity.key == key) return info.id;
  return absent_entity;
}

std::vector<std::int64_t> ticks(std::vector<SeenRow> const& rows) {
  std::vector<std::int64_t> all;
  for (auto const& [tick, cells] : rows) all.push_back(tick);
  return all;
}

std::vector<std::int64_t> steps(std::int64_t from, std::int64_t until) {
  std::vector<std::int64_t> all;
  for (auto tick = from; tick <= until; tick += 10) all.push_back(tick);
  return all;
}

AuditEntry said(std::string what) { return {at(0), "a test", std::move(what)}; }

// Ten seconds apart from `from` to `until`, of two containers of host a.
void deliver(StoreOnTrial& trial, std::uint64_t& sequence, std::int64_t from, std::int64_t until) {
  for (auto tick = from; tick <= until; tick += 10)
    REQUIRE(trial.append(batch("a", ++sequence, at(tick), 2)).get());
  trial.settle();
}

EntityKey const first_key = container("a", 0).key, second_key = container("a", 1).key;

TEST_CASE("ranges that overlap or touch become one, others stay apart") {
  DeletedTicks ticks;
  ticks.add({1, 10, 20, 0});
  ticks.add({1, 40, 50, 0});
  CHECK(ticks.touches(10, 10));
  CHECK(ticks.touches(20, 20));
  CHECK_FALSE(ticks.touches(21, 21));
  CHECK(ticks.touches(21, 40));
  CHECK_FALSE(ticks.touches(21, 39));
  CHECK(ticks.hidden_until(12) == 20);
  ticks.add({1, 21, 39, 0});
  CHECK(ticks.touches(30, 30));
  CHECK(ticks.hidden_until(12) == 50);
  CHECK(ticks.hidden_until(51) == std::numeric_limits<TickNs>::min());
}

TEST_CASE("a range is of its entity alone") {
  Tombstones all;
  all.add({1, 10, 20, 0});
  all.add({2, 0, 100, 0, foreign_column(3)});
  CHECK(all.touches(1, 0, 10));
  CHECK_FALSE(all.touches(1, 21, 30));
  CHECK(all.touches(2, 50, 60));
  CHECK_FALSE(all.touches(3, 0, 100));
}

TEST_CASE("an entity's times are cut to what is left of it") {
  Tombstones all;
  EntityInfo info;
  info.id = 1;
  info.first_tick = at(0), info.last_tick = at(100);
  all.add(range(1, -50, 30));
  all.add(range(1, 90, 500));
  REQUIRE(all.clip(info));
  CHECK(tick_ns(info.first_tick) == tick_ns(at(30)) + 1);
  CHECK(tick_ns(info.last_tick) == tick_ns(at(90)) - 1);
  all.add(range(1, 30, 90));
  info.first_tick = at(0), info.last_tick = at(100);
  CHECK_FALSE(all.clip(info));
  info.last_tick = at(600);
  CHECK(all.clip(info));
}

TEST_CASE("deleted rows are gone at once, from memory and files, others stay") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  deliver(trial, sequence, 0, 590);
  REQUIRE(trial.spill(15min));  // all but the last minutes are in a file
  clock.advance(-15min);
  deliver(trial, sequence, 600, 890);
  auto const id = id_of(*trial.store, first_key);
  std::vector<Tombstone> const middle{range(id, 100, 700)};
  REQUIRE(trial.store->delete_rows(middle, said("the middle")));
  auto left = steps(0, 90);
  for (auto const tick : steps(710, 890)) left.push_back(tick);
  CHECK(ticks(trial.rows(first_key)) == left);
  CHECK(ticks(trial.rows(second_key)) == steps(0, 890));
  // A row that comes late into the range stays deleted.
  REQUIRE(trial.append(batch("a", ++sequence, at(105), 2)).get());
  trial.settle();
  CHECK(ticks(trial.rows(first_key)) == left);
  trial.open();
  CHECK(ticks(trial.rows(first_key)) == left);
  auto const audit = trial.store->audit();
  REQUIRE(audit);
  REQUIRE(audit->size() == 1);
  CHECK(audit->at(0).who == "a test");
  CHECK(audit->at(0).what == "the middle");
}

TEST_CASE("an entity without rows is not listed, and comes back with its next row") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  deliver(trial, sequence, 0, 90);
  auto const id = id_of(*trial.store, first_key);
  auto const generation = trial.store->generation();
  std::vector<Tombstone> const all{range(id, -1'000'000, 90)};
  REQUIRE(trial.store->delete_rows(all, said("all")));
  CHECK(trial.store->generation() > generation);
  CHECK(id_of(*trial.store, first_key) == absent_entity);
  CHECK(trial.store->entities()->size() == 1);
  deliver(trial, sequence, 100, 110);
  CHECK(id_of(*trial.store, first_key) == id);
  CHECK(ticks(trial.rows(first_key)) == steps(100, 110));
  CHECK(trial.store->entities()->at(0).first_tick > at(90));
}

// The number of an entity that no spill has saved is drawn again by a replay: the tombstone must
// still mean the same one.
TEST_CASE("a deletion survives a kill at any moment behind its answer") {
  for (bool const power_cut : {false, true}) {
    SimulatedDisk disk;
    StandingClock clock(at(0));
    StoreOnTrial trial(disk, clock);
    std::uint64_t sequence = 0;
    REQUIRE(trial.append(batch("b", 1, at(0), 3)).get());
    deliver(trial, sequence, 0, 90);
    std::vector<Tombstone> const all{range(id_of(*trial.store, first_key), 0, 90)};
    REQUIRE(trial.store->delete_rows(all, said("all")));
    std::mt19937_64 random(7);
    disk.crash(random, power_cut);
    trial.store.reset();
    disk.restart();
    trial.open();
    CHECK(id_of(*trial.store, first_key) == absent_entity);
    CHECK(ticks(trial.rows(second_key)) == steps(0, 90));
    for (int number : {0, 1, 2})
      CHECK(ticks(trial.rows(container("b", number).key)) == steps(0, 0));
    deliver(trial, sequence, 100, 100);
    CHECK(ticks(trial.rows(first_key)) == steps(100, 100));
  }
}

std::size_t rows_in(SpillFile const& file, EntityId id) {
  ColumnTable table;
  SpillCursor cursor;
  std::uint64_t damaged = 0;
  auto const read = file.append(id, table, damaged, cursor);
  return read && damaged == 0 ? table.ticks.size() : 0;
}

std::size_t rows_on_disk(SimulatedDisk& disk, EntityId id) {
  std::size_t sum = 0;
  for (auto const& path : disk.paths(".rows"))
    if (auto const file = SpillFile::open(disk, path)) sum += rows_in(**file, id);  // or it is gone
  return sum;
}

TEST_CASE("space comes back from a segment, whose rest is as it was") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.spills_per_segment = 2;
  trial.open();
  std::uint64_t sequence = 0;
  for (int part = 0; part < 2; ++part) {
    deliver(trial, sequence, part * 1000, part * 1000 + 590);
    REQUIRE(trial.spill(20min));
  }
  REQUIRE(eventually([&] { return trial.store->counters().spill_files == 1; }));
  auto const kept = trial.rows(second_key, {metric::cpu_usage, metric::mem_usage});
  auto const id = id_of(*trial.store, first_key);
  REQUIRE(rows_on_disk(disk, id) == 120);
  clock.advance(1s);
  std::vector<Tombstone> const all{{id, 0, tick_ns(clock.wall()), tick_ns(clock.wall())}};
  REQUIRE(trial.store->delete_rows(all, said("all")));
  deliver(trial, sequence, 4000, 4000);
  REQUIRE(trial.spill(60min));
  REQUIRE(eventually([&] { return rows_on_disk(disk, id) == 1; }));
  trial.open();
  CHECK(trial.store->counters().damaged_spills == 0);
  auto now = trial.rows(second_key, {metric::cpu_usage, metric::mem_usage});
  REQUIRE(now.size() == kept.size() + 1);
  now.pop_back();
  CHECK(now == kept);
  CHECK(ticks(trial.rows(first_key)) == steps(4000, 4000));
}

TEST_CASE("compacting does at once what else comes by and by") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  for (int part = 0; part < 2; ++part) {
    deliver(trial, sequence, part * 1000, part * 1000 + 590);
    REQUIRE(trial.spill(20min));
  }
  REQUIRE(trial.store->counters().spill_files == 2);
  auto const id = id_of(*trial.store, first_key), other = id_of(*trial.store, second_key);
  WallTime const period = tick_of(at(0), 2h);
  for (bool const whole : {true, false}) {
    bool given = false;
    REQUIRE(trial.store->write_tier(Tier::minute_instances, period, whole,
                                    [&](TierRows& out) -> Result<bool> {
                                      if (std::exchange(given, true)) return false;
                                      out.entity = other;
                                      out.rows = Rows(std::vector<MetricId>{metric::cpu_usage});
                                      out.rows.insert(0, tick_ns(period));
                                      out.rows.set(0, 0, whole ? 1 : 2);
                                      return true;
                                    }));
  }
  auto const kept = trial.rows(second_key, {metric::cpu_usage, metric::mem_usage});
  clock.advance(1s);
  std::vector<Tombstone> const all{{id, 0, tick_ns(clock.wall()), tick_ns(clock.wall())}};
  REQUIRE(trial.store->delete_rows(all, said("all")));
  auto const done = trial.store->compact();
  REQUIRE(done);
  CHECK(done->files_before == 4);
  CHECK(done->files_after == 2);  // a segment, and the period's
  CHECK(done->bytes_after < done->bytes_before);
  CHECK(rows_on_disk(disk, id) == 0);
  for (bool const again : {false, true}) {
    if (again) trial.open();
    CHECK(trial.rows(second_key, {metric::cpu_usage, metric::mem_usage}) == kept);
    CHECK(trial.rows(first_key).empty());
    std::vector<std::int64_t> windows;
    MetricId const columns[] = {metric::cpu_usage};
    REQUIRE(trial.store->scan_tier(Tier::minute_instances, other, columns, WallTime::min(),
                                   WallTime::max(),
                                   [&](WallTime, auto cells) { windows.push_back(*cells[0]); }));
    CHECK(windows == std::vector<std::int64_t>{2});
  }
}

// A kill between the new file's name and the removal of the old one leaves both.
TEST_CASE("of two files of a segment the newer one counts") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.spills_per_segment = 2;
  trial.open();
  std::uint64_t sequence = 0;
  for (int part = 0; part < 2; ++part) {
    deliver(trial, sequence, part * 1000, part * 1000 + 590);
    REQUIRE(trial.spill(20min));
  }
  REQUIRE(eventually([&] { return trial.store->counters().spill_files == 1; }));
  auto const path = disk.paths(".rows").at(0);
  auto const old = disk.bytes(path);
  auto const id = id_of(*trial.store, first_key);
  clock.advance(1s);
  // The last rows: the rewritten segment has another name.
  std::vector<Tombstone> late;
  for (EntityKey const& key : {first_key, second_key}) {
    late.push_back(range(id_of(*trial.store, key), 1500, 2000));
    late.back().made = tick_ns(clock.wall());
  }
  REQUIRE(id != absent_entity);
  REQUIRE(trial.store->delete_rows(late, said("the end")));
  deliver(trial, sequence, 4000, 4000);
  REQUIRE(trial.spill(60min));
  REQUIRE(eventually([&] {
    auto const paths = disk.paths(".rows");
    return std::ranges::find(paths, path) == paths.end();
  }));
  trial.store.reset();
  {
    auto file = disk.create(path);
    REQUIRE(file);
    REQUIRE((*file)->append(old));
  }
  trial.open();
  CHECK(disk.paths(path).empty());
  auto left = steps(0, 590);
  for (auto const tick : steps(1000, 1490)) left.push_back(tick);
  left.push_back(4000);
  CHECK(ticks(trial.rows(first_key)) == left);
}

TEST_CASE("in a tier a window goes when a part of it is deleted, and its space comes back") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  deliver(trial, sequence, 0, 90);
  auto const id = id_of(*trial.store, first_key), other = id_of(*trial.store, second_key);
  WallTime const period = tick_of(at(0), 2h);
  // Windows 0 ... 9 of both, whose values are their numbers.
  EntityId next = id;
  auto const give = [&](TierRows& out) -> Result<bool> {
    if (next > other) return false;
    out.entity = next++;
    out.rows = Rows(std::vector<MetricId>{metric::cpu_usage});
    for (int window = 0; window < 10; ++window) {
      out.rows.insert(out.rows.size(), tick_ns(period + window * 1min));
      out.rows.set(out.rows.size() - 1, 0, window);
    }
    return true;
  };
  REQUIRE(other == id + 1);
  REQUIRE(trial.store->write_tier(Tier::minute_instances, period, true, give));
  auto const windows = [&](EntityId entity) {
    std::vector<std::int64_t> seen;
    MetricId const columns[] = {metric::cpu_usage};
    REQUIRE(trial.store->scan_tier(Tier::minute_instances, entity, columns, WallTime::min(),
                                   WallTime::max(),
                                   [&](WallTime, auto cells) { seen.push_back(*cells[0]); }));
    return seen;
  };
  clock.advance(3h);
  // From within window 2 to the first nanosecond of window 4.
  std::vector<Tombstone> const middle{
      {id, tick_ns(period + 2min) + 30 * second, tick_ns(period + 4min), tick_ns(clock.wall())}};
  REQUIRE(trial.store->delete_rows(middle, said("the middle")));
  std::vector<std::int64_t> const left{0, 1, 5, 6, 7, 8, 9};
  CHECK(windows(id) == left);
  CHECK(windows(other).size() == 10);
  auto const before = disk.paths("/tier/");
  REQUIRE(trial.store->tidy_tier(Tier::minute_instances, [] { return false; }));
  auto const after = disk.paths("/tier/");
  CHECK(after.size() == before.size());
  CHECK(after != before);  // written again, once
  REQUIRE(trial.store->tidy_tier(Tier::minute_instances, [] { return false; }));
  CHECK(disk.paths("/tier/") == after);
  CHECK(windows(id) == left);
  auto const file = SpillFile::open(disk, after.at(0));
  REQUIRE(file);
  CHECK(rows_in(**file, id) == left.size());
}

TEST_CASE("who reads entity after entity sees deleted rows neither in memory nor in a spill") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  deliver(trial, sequence, 0, 590);
  REQUIRE(trial.spill(20min));
  deliver(trial, sequence, 1000, 1190);
  auto const id = id_of(*trial.store, first_key), other = id_of(*trial.store, second_key);
  MetricId const columns[] = {metric::cpu_usage, metric::mem_usage};
  ColumnScan scan(columns);
  // Also in the same scan, which keeps what it knows of the files.
  auto const seen = [&](EntityId entity) {
    REQUIRE(trial.store->scan({&entity, 1}, at(-1000), at(5000), scan,
                              [](std::size_t) { return Result<void>(); }));
    std::vector<std::int64_t> all;
    for (TickNs const tick : scan.rows().ticks.list())
      all.push_back((tick - tick_ns(at(0))) / second);
    for (SelectedColumn const& column : scan.rows().columns) {
      CHECK(column.values.size() == all.size());
      CHECK((column.has.empty() || column.has.size() == all.size()));
    }
    return all;
  };
  auto const all = seen(other);
  CHECK(all.size() == 80);
  CHECK(seen(id) == all);
  clock.advance(1s);
  std::vector<Tombstone> const gone{range(id, 100, 1050)};
  REQUIRE(trial.store->delete_rows(gone, said("the middle")));
  auto left = steps(0, 90);
  for (auto const tick : steps(1060, 1190)) left.push_back(tick);
  CHECK(seen(id) == left);
  CHECK(seen(other) == all);
  CHECK(seen(id) == ticks(trial.rows(first_key)));
}

TEST_CASE("a tier's file never names an entity that the catalogue lacks") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  EntityKey const app{EntityKind::app, "default", "/shop/cart", 0};
  std::promise<void> put;
  trial.store->post([&] {  // not in the log: a replay draws numbers without it
    trial.store->put(app, {}, at(0), 10s, Schema{{metric::cpu_usage}}, {Cell(1)});
    put.set_value();
  });
  put.get_future().wait();
  std::uint64_t sequence = 0;
  deliver(trial, sequence, 0, 90);
  auto const id = id_of(*trial.store, first_key);
  bool given = false;
  REQUIRE(trial.store->write_tier(Tier::minute_instances, tick_of(at(0), 2h), true,
                                  [&](TierRows& out) -> Result<bool> {
                                    if (std::exchange(given, true)) return false;
                                    out.entity = id;
                                    out.rows = Rows(std::vector<MetricId>{metric::cpu_usage});
                                    out.rows.insert(0, tick_ns(at(0)));
                                    out.rows.set(0, 0, 7);
                                    return true;
                                  }));
  std::mt19937_64 random(7);
  disk.crash(random, false);
  trial.store.reset();
  disk.restart();
  trial.open();
  CHECK(id_of(*trial.store, first_key) == id);
}

}  // namespace
}  // namespace dadvisor::aggregator::store
