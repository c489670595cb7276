// How spills become segments.

#include <catch2/catch.hpp>

#include "aggregator/store/store.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

TEST_CASE("a dozen spills become one segment that says the same") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  EntityKey const app{EntityKind::app, "c", "/shop/cart", 0};
  Schema const schema{{metric::cpu_usage}};
  auto const put = [&](WallTime tick, std::int64_t value) {
    trial.store->post([&, tick, value] { trial.store->put(app, {}, tick, 10s, schema, {value}); });
    trial.settle();
  };
  std::uint64_t sequence = 0;
  auto const deliver = [&](std::int64_t seconds) {
    auto made = batch("a", ++sequence, at(seconds), 2);
    made.rows[1].cells.set(1, std::nullopt);
    if (sequence % 3 == 0) made.rows[0].cells.set(0, std::nullopt);
    REQUIRE(trial.append(made).get());
  };
  for (int spill = 0; spill < 12; ++spill) {
    for (int i = 0; i < 10; ++i) {
      deliver(spill * 600 + i * 10);
      put(at(spill * 600 + i * 10), spill * 1000 + i);
    }
    // Late ones: a gap that is filled, a row that was there, a derived row that was made again.
    deliver(spill * 600 - 305);
    deliver(0);
    put(at(0), -spill);
    if (spill < 11) REQUIRE(trial.spill());
  }
  trial.settle();
  std::vector<EntityKey> const keys{container("a", 0).key, container("a", 1).key, app};
  auto const all = [&] {
    std::vector<std::vector<SeenRow>> seen;
    for (EntityKey const& key : keys)
      seen.push_back(trial.rows(key, {metric::mem_usage, metric::cpu_usage}));
    return seen;
  };
  auto const before = all();
  REQUIRE(before[0].size() == 12 * 10 + 12);
  REQUIRE(before[2].size() == 12 * 10);
  CHECK(before[0].front() == SeenRow{-305, {11'001, 11'000}});
  CHECK(before[0][1] == SeenRow{0, {1'001, 1'000}});            // the one that came first
  CHECK(before[2].front() == SeenRow{0, {std::nullopt, -11}});  // the one that was put last
  REQUIRE(trial.store->counters().spill_files == 11);
  REQUIRE(trial.spill());
  REQUIRE(eventually([&] { return trial.store->counters().merges == 1; }));
  REQUIRE(eventually([&] { return trial.store->counters().spill_files == 1; }));
  CHECK(all() == before);
  trial.open();
  CHECK(trial.store->counters().spill_files == 1);
  CHECK(all() == before);
}

TEST_CASE("spills go on while their elders become a segment") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  disk.withhold_files("new-segment");
  std::uint64_t sequence = 0;
  auto const deliver = [&] {
    ++sequence;
    REQUIRE(trial.append(batch("a", sequence, at(static_cast<int>(sequence) * 600 - 590))).get());
  };
  for (int spill = 0; spill < 12; ++spill) {
    deliver();
    REQUIRE(trial.spill());
  }
  REQUIRE(eventually([&] { return disk.waiting_files() == 1; }));
  deliver();
  CHECK(trial.spill());
  deliver();
  CHECK(trial.spill());
  EntityKey const key = container("a", 0).key;
  auto const before = trial.rows(key);
  CHECK(before.size() == 14);
  CHECK(trial.store->counters().merges == 0);
  CHECK(trial.store->counters().spill_files == 14);
  disk.withhold_files("");
  REQUIRE(eventually([&] { return trial.store->counters().merges == 1; }));
  CHECK(trial.store->counters().spill_files == 3);
  CHECK(trial.rows(key) == before);
  // One that a kill left half written takes no room for long.
  auto const path = disk.paths("/spill/").front();
  auto const half = path.substr(0, path.rfind('/')) + "/new-segment";
  REQUIRE(disk.create(half));
  trial.open();
  CHECK(disk.paths("new-segment").empty());
  CHECK(trial.rows(key) == before);
  CHECK(trial.store->counters().spill_files == 3);
}

// Nothing else would look before the spill behind them.
TEST_CASE("spills that came beside a merge become segments behind it") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOptions options;
  options.spills_per_segment = 2;
  StoreOnTrial trial(disk, clock, std::filesystem::temp_directory_path(), options);
  disk.withhold_files("new-segment");
  std::uint64_t sequence = 0;
  for (int spill = 0; spill < 7; ++spill) {
    REQUIRE(trial.append(batch("a", ++sequence, at(spill * 600 + 10))).get());
    REQUIRE(trial.spill());
  }
  EntityKey const key = container("a", 0).key;
  auto const before = trial.rows(key);
  CHECK(before.size() == 7);
  CHECK(trial.store->counters().spill_files == 7);
  disk.withhold_files("");
  REQUIRE(eventually([&] { return trial.store->counters().merges == 3; }));
  CHECK(trial.store->counters().spill_files == 4);  // three of two, and the seventh
  CHECK(trial.rows(key) == before);
}

}  // namespace
}  // namespace dadvisor::aggregator::store
