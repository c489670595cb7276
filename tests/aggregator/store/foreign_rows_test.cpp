// Rows of foreign entities: of one tick's rows every cell's newest counts, wherever they stand.

#include <catch2/catch.hpp>

#include "common/core/foreign.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

EntityKey const its_key = foreign_key("servers.h1", 10, 0);

Batch points(std::uint64_t sequence, WallTime tick, std::vector<Cell> cells,
             std::string const& leaves = "idle\nuser") {
  Batch made;
  made.stream = foreign_stream(10);
  made.sequence = sequence;
  made.tick = tick;
  made.step = 10s;
  made.schemas.emplace_back();
  for (std::size_t i = 0; i < cells.size(); ++i)
    made.schemas[0].metrics.push_back(foreign_column(i));
  made.entities.push_back({7, {its_key, foreign_labels(leaves)}});
  made.rows.push_back({7, 0, std::move(cells)});
  return made;
}

std::vector<MetricId> const two{foreign_column(0), foreign_column(1)};
using MaybeReal = std::optional<double>;
std::vector<MaybeReal> reals(SeenRow const& row) {
  std::vector<MaybeReal> values;
  for (Cell const& cell : row.second)
    values.push_back(cell ? MaybeReal(cell_real(*cell)) : MaybeReal());
  return values;
}

TEST_CASE("the newest value of each leaf counts, in memory and over spills") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  auto const only = [&] {
    auto const rows = trial.rows(its_key, two);
    REQUIRE(rows.size() == 1);
    return reals(rows[0]);
  };
  REQUIRE(trial.append(points(1, at(10), {real_cell(1.5), {}})).get());
  REQUIRE(trial.append(points(2, at(10), {{}, real_cell(2.5)})).get());
  trial.settle();
  CHECK(only() == std::vector<MaybeReal>{1.5, 2.5});
  REQUIRE(trial.append(points(3, at(10), {real_cell(-1), {}})).get());
  trial.settle();
  CHECK(only() == std::vector<MaybeReal>{-1, 2.5});
  REQUIRE(trial.spill());
  CHECK(only() == std::vector<MaybeReal>{-1, 2.5});
  REQUIRE(trial.append(points(4, at(10), {{}, real_cell(8)})).get());
  trial.settle();
  CHECK(only() == std::vector<MaybeReal>{-1, 8});
  REQUIRE(trial.spill());
  CHECK(only() == std::vector<MaybeReal>{-1, 8});
  trial.open();
  CHECK(only() == std::vector<MaybeReal>{-1, 8});
}

TEST_CASE("an entity of a batch is there from its first row on") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  EntityKey const other_key = foreign_key("servers.h2", 10, 0);
  Batch batch = points(1, at(10), {real_cell(1), {}});
  batch.entities.push_back({8, {other_key, foreign_labels("idle\nuser")}});
  REQUIRE(trial.append(batch).get());
  trial.settle();
  CHECK(trial.store->entities()->size() == 1);
  batch.sequence = 2;
  batch.tick = at(20);
  batch.rows = {{8, 0, {real_cell(2), {}}}};  // of the same list
  REQUIRE(trial.append(batch).get());
  trial.settle();
  CHECK(trial.store->entities()->size() == 2);
  REQUIRE(trial.rows(its_key, two).size() == 1);
  REQUIRE(trial.rows(other_key, two).size() == 1);
  CHECK(reals(trial.rows(other_key, two)[0]) == std::vector<MaybeReal>{2, {}});
  trial.open();
  CHECK(reals(trial.rows(other_key, two)[0]) == std::vector<MaybeReal>{2, {}});
}

TEST_CASE("the newest value of each leaf counts when spills become a segment") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.spills_per_segment = 2;
  trial.open();
  REQUIRE(trial.append(points(1, at(10), {real_cell(1), real_cell(2)})).get());
  REQUIRE(trial.append(points(2, at(20), {real_cell(3), {}})).get());
  REQUIRE(trial.spill());
  REQUIRE(trial.append(points(3, at(10), {{}, real_cell(4)})).get());
  REQUIRE(trial.spill());
  REQUIRE(eventually([&] { return trial.store->counters().merges > 0; }));
  auto const rows = trial.rows(its_key, two);
  REQUIRE(rows.size() == 2);
  CHECK(reals(rows[0]) == std::vector<MaybeReal>{1, 4});
  CHECK(reals(rows[1]) == std::vector<MaybeReal>{3, std::nullopt});
}

TEST_CASE("a late value goes into packed rows without harm to the others") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  for (int i = 1; i <= 40; ++i)  // more than stay open
    REQUIRE(
        trial.append(points(static_cast<std::uint64_t>(i), at(i * 10), {real_cell(i), {}})).get());
  REQUIRE(trial.append(points(41, at(20), {{}, real_cell(0.25)})).get());
  trial.settle();
  auto const rows = trial.rows(its_key, two);
  REQUIRE(rows.size() == 40);
  CHECK(reals(rows[1]) == std::vector<MaybeReal>{2, 0.25});
  CHECK(reals(rows[2]) == std::vector<MaybeReal>{3, std::nullopt});
}

TEST_CASE("what is replayed of a foreign entity does not take back leaves that are known") {
  SimulatedDisk disk;
  StandingClock clock(at(600));
  StoreOnTrial trial(disk, clock);
  // The first stays in the log for its tick, the second is spilled with more leaves.
  REQUIRE(trial.append(points(1, at(1100), {real_cell(1)}, "idle")).get());
  REQUIRE(trial.append(points(2, at(10), {real_cell(2), real_cell(3)})).get());
  REQUIRE(trial.spill());
  trial.open();
  trial.settle();
  auto const list = trial.store->entities();
  REQUIRE(list->size() == 1);
  CHECK(foreign_leaf_names(list->at(0).entity) == std::vector<std::string_view>{"idle", "user"});
  CHECK(trial.rows(its_key, two).size() == 2);
}

}  // namespace
}  // namespace dadvisor::aggregator::store
