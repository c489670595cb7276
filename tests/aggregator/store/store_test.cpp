#include "aggregator/store/store.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "aggregator/store/column_scan.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

std::vector<SeenRow> expected(std::initializer_list<std::pair<std::int64_t, std::int64_t>> rows) {
  std::vector<SeenRow> all;
  for (auto const& [seconds, value] : rows) all.push_back({seconds, {value}});
  return all;
}

class Recorder final : public Observer {
 public:
  void applied(Batch const& batch, std::span<EntityId const> ids) override {
    std::lock_guard const lock(mutex_);
    seen_.push_back({batch.sequence, {ids.begin(), ids.end()}});
  }
  std::vector<std::pair<std::uint64_t, std::vector<EntityId>>> seen() const {
    std::lock_guard const lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, std::vector<EntityId>>> seen_;
};

TEST_CASE("rows that were appended are found, by column and time") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  for (std::uint64_t s = 1; s <= 40; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10), 2)).get());
  trial.settle();
  auto const key = container("a", 1).key;
  CHECK(trial.rows(key).size() == 40);
  CHECK(trial.rows(key, {metric::mem_usage, metric::pids_current, metric::cpu_usage}, at(390),
                   at(395)) ==
        std::vector<SeenRow>{{390, {Cell(39'011), std::nullopt, Cell(39'010)}}});
  CHECK(trial.rows(container("a", 7).key).empty());
  auto const list = trial.store->entities();
  REQUIRE(list->size() == 2);
  CHECK(list->at(1).first_tick == at(10));
  CHECK(list->at(1).last_tick == at(400));
  CHECK(list->at(1).step == 10s);
  CHECK(list->at(1).columns == std::vector<MetricId>{metric::cpu_usage, metric::mem_usage});
}

TEST_CASE("many entities read in one go have the rows that each has by itself") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  constexpr int containers = 150;  // more than are taken from memory at once
  for (std::uint64_t s = 1; s <= 60; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10), containers)).get());
  REQUIRE(trial.spill(15min));
  for (std::uint64_t s = 61; s <= 65; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10), containers / 2)).get());
  trial.settle();
  std::vector<EntityId> ids;
  std::map<EntityId, EntityKey> keys;
  for (auto const& [id, info] : trial.known()) {
    ids.push_back(id);
    keys[id] = info->entity.key;
  }
  REQUIRE(ids.size() == containers);
  std::ranges::reverse(ids);
  ids.insert(ids.begin() + 70, 1'000'000);  // nobody's
  std::array const columns{metric::mem_usage};
  ColumnScan scan(columns);
  std::size_t visited = 0, rows = 0;
  auto const compare = [&](std::size_t i) -> Result<void> {
    REQUIRE(i == visited++);
    std::vector<SeenRow> seen;
    for (std::size_t row = 0; row < scan.rows().ticks.size(); ++row)
      seen.push_back({unix_seconds(from_tick_ns(scan.rows().ticks[row])) - unix_seconds(at(0)),
                      {scan.rows().columns[0].cell(row)}});
    auto const known = keys.find(ids[i]);
    REQUIRE(seen == (known == keys.end()
                         ? std::vector<SeenRow>()
                         : trial.rows(known->second, {metric::mem_usage}, at(305), at(640))));
    rows += seen.size();
    return {};
  };
  REQUIRE(trial.store->scan(ids, at(305), at(640), scan, compare));
  CHECK(visited == ids.size());
  // 310 ... 600 of all, 610 ... 640 of half of them.
  CHECK(rows == containers * 30 + containers / 2 * 4);
  // Who has seen enough is not asked again.
  visited = 0;
  auto const stopped = trial.store->scan(ids, at(305), at(640), scan, [&](std::size_t) {
    return ++visited < 3 ? Result<void>() : Error{Errc::gone, 0, "enough"};
  });
  CHECK_FALSE(stopped);
  CHECK(visited == 3);
}

TEST_CASE("the entity list is the same pointer until an entity or a column appears") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  REQUIRE(trial.append(batch("a", 1, at(10))).get());
  trial.settle();
  auto const list = trial.store->entities();
  auto const generation = trial.store->generation();
  REQUIRE(trial.append(batch("a", 2, at(20))).get());
  trial.settle();
  CHECK(trial.store->entities() == list);
  CHECK(trial.store->generation() == generation);
  auto wider = batch("a", 3, at(30));
  wider.schemas[0].metrics.push_back(metric::pids_current);
  wider.rows[0].cells.push_back(std::nullopt);
  REQUIRE(trial.append(wider).get());  // a column that never held a value is none
  trial.settle();
  CHECK(trial.store->generation() == generation);
  wider.sequence = 4;
  wider.tick = at(40);
  wider.rows[0].cells.set(2, 5);
  REQUIRE(trial.append(wider).get());
  trial.settle();
  CHECK(trial.store->generation() > generation);
  CHECK(trial.store->entities()->at(0).columns.back() == metric::pids_current);
  CHECK(list->at(0).columns.size() == 2);  // a snapshot
}

TEST_CASE("a row of a tick that is there is not applied again, and late rows find their place") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  Recorder recorder;
  StoreOnTrial trial(disk, clock);
  trial.observer = &recorder;
  trial.open();
  std::uint64_t sequence = 0;
  for (int seconds : {100, 120, 110, 120})
    REQUIRE(trial.append(batch("a", ++sequence, at(seconds))).get());
  for (int seconds = 130; seconds <= 1000; seconds += 10)
    REQUIRE(trial.append(batch("a", ++sequence, at(seconds))).get());
  // Into packed rows: one that is there, and many that are before all.
  REQUIRE(trial.append(batch("a", ++sequence, at(200))).get());
  for (int seconds = 90; seconds >= -500; seconds -= 10)
    REQUIRE(trial.append(batch("a", ++sequence, at(seconds))).get());
  trial.settle();
  auto const rows = trial.rows(container("a", 0).key);
  REQUIRE(rows.size() == 151);
  for (std::size_t i = 0; i < rows.size(); ++i)
    REQUIRE(rows[i].first == static_cast<std::int64_t>(i) * 10 - 500);
  CHECK(rows[62] == SeenRow{120, {Cell(2000)}});  // the first one of the tick
  CHECK(trial.store->counters().duplicate_rows == 2);
  auto const seen = recorder.seen();
  CHECK(seen[3].second == std::vector<EntityId>{absent_entity});
  CHECK(seen[4].second != std::vector<EntityId>{absent_entity});
}

TEST_CASE("put replaces the row of its tick, in the head and across a spill") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  EntityKey const app{EntityKind::app, "default", "/shop/cart", 0};
  Schema const schema{{metric::cpu_usage}};
  auto const put = [&](int seconds, std::int64_t value) {
    std::promise<void> done;
    trial.store->post([&] {
      trial.store->put(app, {{"app", "/shop/cart"}}, at(seconds), 10s, schema, {value});
      done.set_value();
    });
    done.get_future().wait();
  };
  for (int i = 0; i < 30; ++i) put(i * 10, i);
  put(290, 1000);
  put(0, 2000);  // packed by now
  CHECK(trial.rows(app).size() == 30);
  CHECK(trial.rows(app, {metric::cpu_usage}, at(0), at(5)) == expected({{0, 2000}}));
  CHECK(trial.rows(app, {metric::cpu_usage}, at(290), at(290)) == expected({{290, 1000}}));
  REQUIRE(trial.spill());
  CHECK(trial.store->counters().head_rows == 0);
  put(0, 3000);
  CHECK(trial.rows(app, {metric::cpu_usage}, at(0), at(15)) == expected({{0, 3000}, {10, 1}}));
  REQUIRE(trial.spill());
  trial.open();
  CHECK(trial.rows(app, {metric::cpu_usage}, at(0), at(15)) == expected({{0, 3000}, {10, 1}}));
}

TEST_CASE("spilled rows are found as before, also after a restart, and late ones beside them") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  auto const append = [&](int from, int to) {
    for (int seconds = from; seconds < to; seconds += 10)
      REQUIRE(trial.append(batch("a", ++sequence, at(seconds), 3)).get());
  };
  append(0, 600);
  trial.settle();
  auto const key = container("a", 2).key;
  auto const before = trial.rows(key, {metric::cpu_usage, metric::mem_usage});
  REQUIRE(before.size() == 60);
  REQUIRE(trial.spill());
  // Ticks up to 3 minutes before the spill, by whole minutes, have left the head.
  CHECK(trial.store->counters().head_rows == 3 * 18);
  CHECK(trial.rows(key, {metric::cpu_usage, metric::mem_usage}) == before);
  trial.open();
  CHECK(trial.store->counters().replayed_batches == 18);
  CHECK(trial.rows(key, {metric::cpu_usage, metric::mem_usage}) == before);
  REQUIRE(trial.store->marks().size() == 1);
  CHECK(trial.store->marks()[0].sequence == 60);

  append(600, 1200);
  REQUIRE(trial.append(batch("a", ++sequence, at(5), 3)).get());    // late, new
  REQUIRE(trial.append(batch("a", ++sequence, at(100), 3)).get());  // late, known: first wins
  trial.settle();
  auto const with_late = trial.rows(key);
  REQUIRE(with_late.size() == 121);
  CHECK(with_late[1].first == 5);
  CHECK(with_late[11] == SeenRow{100, {Cell(11'020)}});
  REQUIRE(trial.spill());
  CHECK(trial.rows(key) == with_late);
  CHECK(disk.paths("/log/").size() == 1);  // the one with the rows that are not spilled
  trial.open();
  CHECK(trial.rows(key) == with_late);
  CHECK(trial.store->counters().damaged_spills == 0);
}

TEST_CASE("ids are kept over restarts and never given again") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.retention = trial.options.dead_after = 1h;
  for (auto& plan : trial.options.tiers.plans) plan.retention = 1h;  // an entity lives in its tiers
  trial.open();
  REQUIRE(trial.append(batch("a", 1, at(0), 2)).get());
  trial.settle();
  REQUIRE(trial.spill());
  auto const id = trial.store->entities()->at(1).id;
  auto const labels = trial.store->entities()->at(1).entity.labels;
  trial.open();
  REQUIRE(trial.store->entities()->size() == 2);
  CHECK(trial.store->entities()->at(1).id == id);
  CHECK(trial.store->entities()->at(1).entity.labels == labels);
  CHECK(trial.store->entities()->at(1).step == 10s);
  auto const generation = trial.store->generation();
  clock.advance(2h);  // everything is too old
  REQUIRE(trial.append(batch("b", 1, at(2 * 3600), 1)).get());
  REQUIRE(trial.spill());
  REQUIRE(trial.store->entities()->size() == 1);
  CHECK(trial.store->entities()->at(0).id > id);
  CHECK(trial.store->generation() > generation);
  CHECK(disk.paths("/spill/").size() == 1);  // the first one was deleted
  trial.open();
  CHECK(trial.store->entities()->size() == 1);
}

TEST_CASE("a damaged spill is left out and counted; a damaged chunk costs one column of a group") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  REQUIRE(trial.append(batch("a", 1, at(0), 30)).get());  // two groups
  trial.settle();
  REQUIRE(trial.spill());
  auto const path = disk.paths(".rows").at(0);
  auto const sound = disk.bytes(path);
  trial.store.reset();
  static_assert(metric::cpu_usage < metric::mem_usage);
  disk.bytes(path)[12] ^= 1;  // in the first group's first chunk
  trial.open();
  CHECK_THROWS(trial.rows(container("a", 0).key));
  CHECK(trial.store->counters().damaged_spills == 1);
  CHECK_THROWS(trial.rows(container("a", 1).key));
  CHECK(trial.rows(container("a", 1).key, {metric::mem_usage}) == expected({{0, 1011}}));
  CHECK(trial.rows(container("a", 29).key) == expected({{0, 1290}}));
  CHECK(trial.store->counters().damaged_spills == 2);
  trial.store.reset();
  disk.bytes(path) = sound.substr(0, sound.size() - 1);
  trial.open();
  CHECK(trial.store->counters().damaged_spills == 1);
  CHECK(trial.rows(container("a", 1).key).empty());
}

TEST_CASE("two stores in one directory are refused") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  auto const second =
      Store::open(trial.options, disk, clock, Log("store-test", LogLevel::none), nullptr);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::conflict);
}

TEST_CASE("the real disk keeps what it was given") {
  RealDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  for (std::uint64_t s = 1; s <= 40; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10), 2)).get());
  trial.settle();
  auto const before = trial.rows(container("a", 1).key);
  REQUIRE(before.size() == 40);
  trial.open();
  CHECK(trial.rows(container("a", 1).key) == before);
  REQUIRE(trial.spill());
  trial.open();
  CHECK(trial.rows(container("a", 1).key) == before);
}

}  // namespace
}  // namespace dadvisor::aggregator::store
