// The files of a tier: patches over whole files, merging, retention, and a machine that stops
// between any two operations on the disk.

#include "aggregator/store/tier_files.hpp"

#include <catch2/catch.hpp>

#include "aggregator/store/dirty_ranges.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::uint64_t store_id = 77;
TierPlan const plan{1min, 10min, 1h};
WallTime const start = from_unix_seconds(1'700'000'400);  // a multiple of the period
constexpr MetricId column = 5;

using Values = std::map<EntityId, std::map<int, std::int64_t>>;  // by window number

NextTierRows giving(Values const& values) {
  auto at = std::make_shared<Values::const_iterator>(values.begin());
  return [&values, at](TierRows& out) -> Result<bool> {
    if (*at == values.end()) return false;
    out.entity = (*at)->first;
    out.rows = Rows(std::vector<MetricId>{column});
    for (auto const& [window, value] : (*at)->second) {
      out.rows.insert(out.rows.size(), tick_ns(start + window * 1min));
      out.rows.set(out.rows.size() - 1, 0, value);
    }
    ++*at;
    return true;
  };
}

struct Shelf {
  explicit Shelf(Disk& disk)
      : files(disk, "/tier", plan, true, store_id, Log("test", LogLevel::error),
              std::make_shared<KnownChunks>()),
        loaded(files.load()) {}
  Result<void> write(int period, bool whole, Values const& values) {
    return files.write(tick_ns(start + period * 10min), whole, start, giving(values));
  }
  Values read() {
    Values found;
    MetricId const columns[] = {column};
    for (EntityId id = 1; id < 10; ++id) {
      ColumnScan scan(columns);
      REQUIRE(files.select(id, 0, INT64_MAX, scan));
      SelectedRows const& rows = scan.rows();
      for (std::size_t row = 0; row < rows.ticks.size(); ++row)
        found[id][static_cast<int>((from_tick_ns(rows.ticks[row]) - start) / 1min)] =
            rows.columns[0].values[row];
      if (found[id].empty()) found.erase(id);
    }
    return found;
  }
  TierFiles files;
  Result<void> loaded;
};

// Lets so many operations pass, then the machine stops.
class StoppingDisk final : public Disk {
 public:
  StoppingDisk(SimulatedDisk& disk, int left, bool power_cut, std::uint64_t seed)
      : disk_(disk), left_(left), power_cut_(power_cut), random_(seed) {}
  bool stopped() const { return left_ < 0; }

  Result<void> make_directory(std::string const& path) override {
    return disk_.make_directory(path);
  }
  Result<std::vector<std::string>> list(std::string const& path) override {
    return disk_.list(path);
  }
  Result<std::unique_ptr<WritableFile>> create(std::string const& path) override {
    pass();
    auto file = disk_.create(path);
    if (!file) return file.error();
    return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, std::move(*file)));
  }
  Result<std::unique_ptr<ReadableFile>> open(std::string const& path) override {
    return disk_.open(path);
  }
  Result<void> rename(std::string const& from, std::string const& to) override {
    pass();
    return disk_.rename(from, to);
  }
  Result<void> remove(std::string const& path) override {
    pass();
    return disk_.remove(path);
  }
  Result<void> sync_directory(std::string const& path) override {
    pass();
    return disk_.sync_directory(path);
  }
  Result<void> sync_file(std::string const& path) override { return disk_.sync_file(path); }
  Result<std::uint64_t> free_bytes(std::string const& path) override {
    return disk_.free_bytes(path);
  }

 private:
  struct File final : WritableFile {
    File(StoppingDisk& its_disk, std::unique_ptr<WritableFile> its_file)
        : disk(its_disk), file(std::move(its_file)) {}
    Result<void> append(std::string_view bytes) override {
      disk.pass();
      return file->append(bytes);
    }
    Result<void> sync() override {
      disk.pass();
      return file->sync();
    }
    Result<void> truncate(std::uint64_t size) override { return file->truncate(size); }
    StoppingDisk& disk;
    std::unique_ptr<WritableFile> file;
  };
  void pass() {
    if (left_-- == 0) disk_.crash(random_, power_cut_);
  }
  SimulatedDisk& disk_;
  int left_;
  bool power_cut_;
  std::mt19937_64 random_;
};

bool never() { return false; }

TEST_CASE("a patch counts before the whole file, and many of them become one") {
  SimulatedDisk disk;
  Values expected{{1, {{0, 10}, {1, 11}}}, {3, {{0, 30}, {12, 32}}}};
  {
    Shelf shelf(disk);
    REQUIRE(shelf.loaded);
    CHECK(shelf.files.sealed_until() == INT64_MIN);
    REQUIRE(shelf.write(0, true, {{1, {{0, 10}, {1, 11}}}, {3, {{0, 30}}}}));
    REQUIRE(shelf.write(1, true, {{3, {{12, 32}}}}));
    CHECK(shelf.files.sealed_until() == tick_ns(start + 20min));
    CHECK(shelf.read() == expected);
    for (int i = 1; i <= 8; ++i) {
      REQUIRE(shelf.write(0, false, {{1, {{1, 100 + i}}}, {2, {{i, i}}}}));
      expected[1][1] = 100 + i;
      expected[2][i] = i;
      REQUIRE(*shelf.files.merge_one(start, never, 8) == false);
    }
    CHECK(shelf.read() == expected);
    CHECK(shelf.files.files() == 10);
  }
  Shelf again(disk);
  CHECK(again.read() == expected);
  REQUIRE(again.write(0, false, {{3, {{5, 35}}}}));
  expected[3][5] = 35;
  REQUIRE(*again.files.merge_one(start, never, 8));
  CHECK(again.files.files() == 2);
  CHECK(disk.paths("/tier/").size() == 2);
  CHECK(again.read() == expected);
  REQUIRE(again.write(0, false, {{3, {{5, 36}}}}));
  expected[3][5] = 36;
  CHECK(again.read() == expected);
  CHECK(Shelf(disk).read() == expected);
}

TEST_CASE("files go when all of their windows are past retention, the newest whole one stays") {
  SimulatedDisk disk;
  Shelf shelf(disk);
  for (int period = 0; period < 3; ++period)
    REQUIRE(shelf.write(period, true, {{1, {{10 * period, period}}}}));
  shelf.files.drop_before(tick_ns(start + 10min) - 1);
  CHECK(shelf.files.files() == 3);
  shelf.files.drop_before(tick_ns(start + 10min));
  CHECK(shelf.read() == Values{{1, {{10, 1}, {20, 2}}}});
  shelf.files.drop_before(tick_ns(start + 24h));
  CHECK(shelf.files.files() == 1);
  CHECK(Shelf(disk).files.sealed_until() == tick_ns(start + 30min));
}

TEST_CASE("a full disk changes nothing, and a damaged file costs what it holds") {
  SimulatedDisk disk;
  Shelf shelf(disk);
  REQUIRE(shelf.write(0, true, {{1, {{0, 1}}}}));
  disk.set_capacity(shelf.files.bytes() + 50);
  CHECK_FALSE(shelf.write(1, true, {{1, {{10, 1}}}}));
  CHECK(shelf.files.sealed_until() == tick_ns(start + 10min));
  disk.set_capacity(SimulatedDisk::unlimited);
  REQUIRE(shelf.write(1, true, {{1, {{10, 2}}}}));
  auto const path = disk.paths("/tier/").front();
  disk.bytes(path).resize(disk.bytes(path).size() - 3);
  Shelf again(disk);
  CHECK(again.files.damaged() == 1);
  CHECK(again.read() == Values{{1, {{10, 2}}}});
}

TEST_CASE("a machine that stops between any two operations leaves what was written") {
  bool const power_cut = GENERATE(false, true);
  int stops = 0;
  for (int left = 0;; ++left) {
    SimulatedDisk disk;
    StoppingDisk stopping(disk, left, power_cut, static_cast<std::uint64_t>(left) + 1);
    Values expected, under_way;
    {
      Shelf shelf(stopping);
      if (shelf.loaded) {
        auto const write = [&](int period, bool whole, Values const& values) {
          under_way = expected;
          for (auto const& [id, windows] : values)
            for (auto const& [window, value] : windows) under_way[id][window] = value;
          if (!shelf.write(period, whole, values)) return false;
          expected = under_way;
          return true;
        };
        bool good = write(0, true, {{1, {{0, 1}, {1, 2}}}, {2, {{0, 3}}}});
        for (int i = 0; good && i < 9; ++i) good = write(0, false, {{1, {{1, 10 + i}}}});
        if (good) static_cast<void>(shelf.files.merge_one(start, never, 8));
      }
    }
    if (!stopping.stopped()) {
      CHECK(disk.paths("/tier/").size() == 1);
      break;
    }
    ++stops;
    disk.restart();
    INFO("stopped after " << left);
    Shelf again(disk);
    REQUIRE(again.loaded);
    CHECK(again.files.damaged() == 0);
    auto const found = again.read();
    CHECK((found == expected || found == under_way));
    bool const sealed = again.files.sealed_until() == tick_ns(start + 10min);
    CHECK(sealed == !found.empty());
    // And it goes on from there.
    REQUIRE(again.write(0, true, {{1, {{0, 1}, {1, 99}}}, {2, {{0, 3}}}}));
    CHECK(again.read() == Values{{1, {{0, 1}, {1, 99}}}, {2, {{0, 3}}}});
  }
  CHECK(stops > 50);
}

TEST_CASE("dirty ranges are kept apart by periods and given newest first") {
  DirtyRanges dirty({1min, 10min, 1h});
  auto const tick = [](int minutes) { return tick_ns(start + minutes * 1min); };
  dirty.mark(4, tick(3), tick(4));
  dirty.mark(4, tick(1), tick(2));
  dirty.mark(2, tick(18), tick(21));    // over a boundary
  CHECK(dirty.windows() == 4 + 2 + 2);  // of 1 ... 4, of 18 and 19, of 20 and 21
  CHECK(dirty.first() == tick(1));
  CHECK(dirty.begin_newest(tick(9)).empty());  // that period is not sealed
  auto const newest = dirty.begin_newest(tick(20));
  REQUIRE(newest.size() == 1);
  CHECK(newest[0] == DirtyRange{2, start + 18min, start + 20min - 1ns});
  CHECK(dirty.all().size() == 3);
  CHECK(dirty.windows() == 8);  // under way is not done
  dirty.end(false);
  CHECK(dirty.windows() == 8);
  CHECK(dirty.begin_newest(tick(20)) == newest);
  dirty.end(true);
  CHECK(dirty.windows() == 6);
  CHECK(dirty.begin_newest(tick(20)) == std::vector<DirtyRange>{{4, start + 1min, start + 4min}});
  dirty.end(true);
  CHECK(dirty.windows() == 2);
  CHECK(dirty.first() == tick(20));
}

}  // namespace
}  // namespace dadvisor::aggregator::store
