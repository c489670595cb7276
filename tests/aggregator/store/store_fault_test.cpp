// Faults one at a time: a disk that fills up, damage in each kind of file, clocks that are set, a
// stop under load, a start with much to read.

#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "aggregator/store/catalogue.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

// Holds the store thread in the first batch that is applied until it is let go.
class Gate final : public Observer {
 public:
  void applied(Batch const&, std::span<EntityId const>) override {
    ++batches;
    while (closed) std::this_thread::sleep_for(1ms);
  }
  std::atomic<bool> closed{false};
  std::atomic<int> batches{0};
};

TEST_CASE("the log leaves room for a spill, which makes room for the log") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.disk_reserve = 100'000;
  trial.open();
  disk.set_capacity(900'000);
  std::uint64_t sequence = 0;
  auto const next = [&] {
    return batch("a", sequence + 1, at(static_cast<int>(sequence + 1)), 50);
  };
  while (trial.append(next()).get()) ++sequence;
  CHECK_FALSE(trial.store->writable());
  auto const log = trial.store->counters().log_bytes;
  CHECK(log > 300'000);
  CHECK(disk.free_bytes("").value() >= 100'000 + log / 2 - 10'000);  // a batch's size
  clock.advance(1s);
  CHECK_FALSE(trial.append(next()).get());
  // No byte is freed from outside: the rows that are in the log move to a spill.
  REQUIRE(trial.spill(20min));
  REQUIRE(trial.writable_again());
  REQUIRE(trial.append(next()).get());
  ++sequence;
  trial.open();
  CHECK(trial.rows(container("a", 49).key).size() == sequence);
}

TEST_CASE("a start serves what is sealed and takes batches while the log is read") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  Gate gate;
  StoreOnTrial trial(disk, clock);
  trial.observer = &gate;
  trial.open();
  for (std::uint64_t s = 1; s <= 5; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10))).get());
  REQUIRE(trial.spill(20min));
  for (std::uint64_t s = 6; s <= 9; ++s)
    REQUIRE(trial.append(batch("a", s, at(1200 + static_cast<int>(s) * 10))).get());
  trial.settle();

  trial.store.reset();
  gate.closed = true;
  trial.open(false);
  CHECK_FALSE(trial.store->replayed());
  CHECK(trial.rows(container("a", 0).key).size() >= 5);  // the spill's, and who knows
  CHECK(trial.store->marks().at(0).sequence == 9);
  // A row for a tick that the log has: that one came first.
  auto late = batch("a", 10, at(1260));
  REQUIRE(trial.append(late).get());
  REQUIRE(trial.append(batch("a", 11, at(1300))).get());
  CHECK_FALSE(trial.store->replayed());
  gate.closed = false;
  REQUIRE(eventually([&] { return trial.store->replayed(); }));
  trial.settle();
  auto const rows = trial.rows(container("a", 0).key);
  REQUIRE(rows.size() == 10);
  CHECK(rows[5] == SeenRow{1260, {6000}});
  CHECK(rows[9] == SeenRow{1300, {11000}});
}

TEST_CASE("a stop does not wait for what is not applied, and that is there at the next start") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  Gate gate;
  StoreOnTrial trial(disk, clock);
  trial.observer = &gate;
  trial.open();
  gate.closed = true;
  for (std::uint64_t s = 1; s <= 300; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s)))).get());
  REQUIRE(eventually([&] { return gate.batches == 1; }));
  clock.advance(20min);  // a spill is due, and must not take what is skipped for spilled
  bool ran = false;
  trial.store->post([&] { ran = true; });
  trial.store->begin_stop();
  gate.closed = false;
  trial.store.reset();
  CHECK(gate.batches == 1);
  CHECK(ran);
  trial.open();
  CHECK(trial.rows(container("a", 0).key).size() == 300);
}

TEST_CASE("a wall clock that is set loses no row and doubles none, and spills go on") {
  Nanoseconds const by = GENERATE(-1h, 24h);
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  std::map<std::int64_t, std::int64_t> expected;
  auto const run = [&](int ticks) {
    for (int i = 0; i < ticks; ++i) {
      auto const tick = tick_of(clock.wall(), 10s);
      ++sequence;
      REQUIRE(trial.append(batch("a", sequence, tick)).get());
      // Of a tick that there was already, before the clock was set back, the first row counts.
      expected.emplace(unix_seconds(tick) - unix_seconds(at(0)),
                       static_cast<std::int64_t>(sequence) * 1000);
      clock.advance(10s);
      trial.settle();
    }
  };
  run(200);
  clock.step_wall(by);
  for (int spill = 0; spill < 5; ++spill) {
    auto const before = trial.store->counters().spills;
    run(60);  // ten minutes: one is due
    CHECK(eventually([&] { return trial.store->counters().spills > before; }));
  }
  clock.step_wall(-by);
  run(200);
  for (int restart = 0; restart < 2; ++restart) {
    auto const rows = trial.rows(container("a", 0).key);
    std::map<std::int64_t, std::int64_t> found;
    for (auto const& [seconds, cells] : rows) CHECK(found.emplace(seconds, *cells[0]).second);
    CHECK(found == expected);
    trial.open();
    CHECK(trial.store->marks().at(0).sequence == sequence);
  }
}

TEST_CASE("a spill with a damaged index page is merged without it, and the rest is served") {
  constexpr int containers = 3100;  // in groups of 24: 130, on two index pages
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.spills_per_segment = 3;
  trial.open();
  std::uint64_t sequence = 0;
  auto const fill = [&](int seconds) {
    REQUIRE(trial.append(batch("a", ++sequence, at(seconds), containers)).get());
    REQUIRE(trial.spill());
  };
  fill(10);
  fill(620);
  auto const path = disk.paths(".rows").front();
  auto& bytes = disk.bytes(path);
  // Behind the index's pages of 128 entries, each page with its CRC, stand two words, a CRC and 92
  // bytes.
  auto const index = bytes.size() - (10 * 8 + 4 + 8) - (2 * 4 + 4) - (130 * 40 + 2 * 4);
  bytes[index + 40] = static_cast<char>(bytes[index + 40] ^ 1);
  fill(1230);
  REQUIRE(eventually([&] { return trial.store->counters().merges == 1; }));
  CHECK(trial.store->counters().damaged_spills >= 1);
  CHECK(trial.rows(container("a", 0).key).size() == 2);
  CHECK(trial.rows(container("a", 3071).key).size() == 2);
  CHECK(trial.rows(container("a", 3072).key).size() == 3);
  trial.open();
  CHECK(trial.rows(container("a", 0).key).size() == 2);
  CHECK(trial.rows(container("a", containers - 1).key).size() == 3);
}

TEST_CASE("a spill that a failed sync of its directory left behind takes no segment with it") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.spills_per_segment = 2;
  trial.open();
  std::uint64_t sequence = 0;
  auto const append = [&](int seconds) {
    REQUIRE(trial.append(batch("a", ++sequence, at(seconds))).get());
  };
  append(10);
  disk.fail_from_directory_sync(1);
  clock.advance(10min);
  trial.settle();
  REQUIRE(eventually([&] { return trial.store->counters().spill_failures == 1; }));
  CHECK(disk.paths(".rows").size() == 1);  // whose row comes again in the next one
  // When it is tried again counts from when the store looks, which it does behind a task.
  trial.settle();
  trial.settle();
  append(620);
  REQUIRE(trial.spill());
  append(1230);
  REQUIRE(trial.spill());
  REQUIRE(eventually([&] { return trial.store->counters().merges == 1; }));
  trial.open();  // finds 1, and 2 to 3
  CHECK(trial.store->counters().spill_files == 2);
  append(1840);
  REQUIRE(trial.spill());
  append(2450);
  REQUIRE(trial.spill());
  REQUIRE(eventually([&] { return trial.store->counters().merges == 1; }));
  CHECK(trial.rows(container("a", 0).key).size() == 5);
  trial.open();
  CHECK(trial.store->counters().spill_files == 3);  // 1, 2 to 3, 4 to 5
  CHECK(trial.rows(container("a", 0).key).size() == 5);
}

TEST_CASE("spills are merged without a damaged chunk or directory, each of which counts once") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.spills_per_segment = 3;
  trial.open();
  std::uint64_t sequence = 0;
  auto const fill = [&](int seconds) {
    REQUIRE(trial.append(batch("a", ++sequence, at(seconds), 30)).get());
    REQUIRE(trial.spill());
  };
  fill(10);
  fill(620);
  // In the first group's first chunk; and the CRC of the last group's directory, which is in front
  // of an index of two entries on one page.
  auto& first = disk.bytes(disk.paths(".rows").at(0));
  first[12] = static_cast<char>(first[12] ^ 1);
  auto& second = disk.bytes(disk.paths(".rows").at(1));
  auto const crc = second.size() - (10 * 8 + 4 + 8) - (4 + 4) - (2 * 40 + 4) - 4;
  second[crc] = static_cast<char>(second[crc] ^ 1);
  fill(1230);
  REQUIRE(eventually([&] { return trial.store->counters().merges == 1; }));
  CHECK(trial.store->counters().damaged_spills == 2);
  // What the first one lost is a column of a row that is there.
  for (MetricId const column : {metric::cpu_usage, metric::mem_usage}) {
    auto const rows = trial.rows(container("a", 0).key, {column});
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].second[0].has_value() == (column == metric::mem_usage));
    CHECK(rows[1].second[0].has_value());
    CHECK(trial.rows(container("a", 29).key, {column}).size() == 2);
  }
}

// One statement on the catalogue of a store that is closed.
void change_catalogue(std::string const& directory, std::string const& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open((directory + "/catalogue.db").c_str(), &database) == SQLITE_OK);
  REQUIRE(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_changes(database) == 1);
  REQUIRE(sqlite3_close(database) == SQLITE_OK);
}

TEST_CASE("damaged rows of the catalogue are left out and counted, the rest is served") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOptions options;
  options.dead_after = 1h;
  StoreOnTrial trial(disk, clock, std::filesystem::temp_directory_path(), options);
  for (std::uint64_t s = 1; s <= 3; ++s) {
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10), 3)).get());
    REQUIRE(trial.append(batch("b", s, at(static_cast<int>(s) * 10), 1)).get());
  }
  REQUIRE(trial.spill(20min));
  trial.store.reset();
  for (auto const& log : disk.paths("/log/")) static_cast<void>(disk.remove(log));
  change_catalogue(trial.directory.path(), "UPDATE entity SET host = 'x' WHERE container = 'c1'");
  change_catalogue(trial.directory.path(), "UPDATE mark SET sequence = 99 WHERE agent = 'b'");
  trial.open();
  CHECK(trial.store->counters().damaged_catalogue_rows == 2);
  CHECK(trial.rows(container("a", 0).key).size() == 3);
  CHECK(trial.rows(container("a", 1).key).empty());
  CHECK(trial.rows(container("a", 2).key).size() == 3);
  // A mark that cannot be trusted is none: batches come again, and are not applied twice.
  auto const marks = trial.store->marks();
  REQUIRE(marks.size() == 1);
  CHECK(marks[0].stream.agent == "a");
  // The container comes back under an id of its own, and the mark is right from the next spill on.
  REQUIRE(trial.append(batch("a", 4, at(1240), 3)).get());
  REQUIRE(trial.append(batch("b", 4, at(1240), 1)).get());
  trial.settle();
  CHECK(trial.rows(container("a", 1).key).size() == 1);
  REQUIRE(trial.spill(20min));
  trial.open();
  CHECK(trial.store->marks().size() == 2);
  CHECK(trial.rows(container("a", 1).key).size() == 1);
  CHECK(trial.rows(container("a", 2).key).size() == 4);
}

TEST_CASE("a catalogue that is damaged as a whole is refused with what to do") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  REQUIRE(trial.append(batch("a", 1, at(10), 3)).get());
  REQUIRE(trial.spill(20min));
  trial.store.reset();
  auto const path = trial.directory.path() + "/catalogue.db";
  auto const whole = [&] {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  REQUIRE(whole.size() > 4096);
  std::string damaged = whole;
  // The header; or every page behind the first.
  if (GENERATE(true, false))
    damaged.replace(0, 16, "sixteen bytes...");
  else
    damaged.replace(4096, std::string::npos, std::string(whole.size() - 4096, 'x'));
  std::ofstream(path, std::ios::binary) << damaged;
  auto const opened =
      Store::open(trial.options, disk, clock, Log("store-test", LogLevel::none), nullptr);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::malformed);
  CHECK_THAT(to_string(opened.error()), Catch::Contains("restore the store from a backup"));
  std::ofstream(path, std::ios::binary) << whole;
  trial.open();
  CHECK(trial.rows(container("a", 2).key).size() == 1);
}

}  // namespace
}  // namespace dadvisor::aggregator::store
