// Backups: what a restored store holds, a backup that was cut short, and the check of a whole
// store.

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <set>

#include "aggregator/store/backup_files.hpp"
#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/inspection.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

namespace fs = std::filesystem;

using Seen = std::map<std::string, std::vector<SeenRow>>;

Seen everything(StoreOnTrial& trial) {
  Seen all;
  auto const list = trial.store->entities();
  for (EntityInfo const& info : *list)
    all[info.entity.key.host + " " + info.entity.key.container_id] =
        trial.rows(info.entity.key, {metric::cpu_usage, metric::mem_usage});
  return all;
}

// Two spills, rows in memory, and an entity that no spill has.
void fill(StoreOnTrial& trial, std::uint64_t& sequence) {
  for (int part = 0; part < 2; ++part) {
    for (int tick = 0; tick < 600; tick += 10)
      REQUIRE(trial.append(batch("a", ++sequence, at(part * 1000 + tick), 3)).get());
    trial.settle();
    REQUIRE(trial.spill(20min));
  }
  REQUIRE(trial.append(batch("a", ++sequence, at(2000), 3)).get());
  REQUIRE(trial.append(batch("new", 1, at(2000), 2)).get());
  trial.settle();
}

std::vector<StoreDamage> damages_of(std::string const& directory) {
  RealDisk disk;
  std::vector<StoreDamage> all;
  InspectionOptions options;
  options.decode = true;
  options.damage = [&](StoreDamage const& damage) { all.push_back(damage); };
  auto const found = inspect_store(disk, directory, options);
  REQUIRE(found);
  CHECK(found->damages == all.size());
  return all;
}

void flip(std::string const& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  auto const byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  REQUIRE(file.good());
}

// The only file of a folder whose name ends so, the first by name.
std::string first_file(std::string const& directory, std::string const& end) {
  std::set<std::string> names;
  for (auto const& entry : fs::directory_iterator(directory))
    if (entry.path().string().ends_with(end)) names.insert(entry.path().string());
  REQUIRE_FALSE(names.empty());
  return *names.begin();
}

TEST_CASE("a restored store has the rows of the backup's moment, whatever came later") {
  RealDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  fill(trial, sequence);
  TemporaryDirectory place;
  auto const backup = place.path() + "/backup", data = place.path() + "/data";
  auto const then = everything(trial);
  REQUIRE(then.size() == 5);
  auto const made = trial.store->backup(backup);
  REQUIRE(made);
  CHECK(made->linked_files + 1 == made->files);  // all but the catalogue
  CHECK(trial.store->backup(backup).error().code == Errc::conflict);

  // The store goes on: rows, spills, log files that go, rows that are deleted.
  REQUIRE(trial.append(batch("a", ++sequence, at(2010), 3)).get());
  trial.settle();
  REQUIRE(trial.spill(20min));
  std::vector<Tombstone> const all{{1, 0, tick_ns(at(5000)), tick_ns(at(5000))}};
  REQUIRE(trial.store->delete_rows(all, {}));
  CHECK(everything(trial) != then);

  CHECK(damages_of(backup).empty());
  auto const restored = restore_backup(backup, data);
  REQUIRE(restored);
  CHECK(restored->bytes == made->bytes);
  CHECK(restore_backup(backup, data).error().code == Errc::conflict);
  trial.options.directory = data + "/store";
  trial.open();
  CHECK(everything(trial) == then);
  CHECK(trial.store->counters().damaged_spills == 0);
  // It is a store of its own: it spills and takes rows.
  REQUIRE(trial.append(batch("a", sequence, at(2010), 3)).get());
  trial.settle();
  REQUIRE(trial.spill(20min));
  auto later = then;
  for (int number = 0; number < 3; ++number) {
    auto const value = static_cast<std::int64_t>(sequence) * 1000 + number * 10;
    later["a c" + std::to_string(number)].push_back({2010, {value, value + 1}});
  }
  CHECK(everything(trial) == later);
}

TEST_CASE("what is no whole backup is not restored") {
  RealDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  fill(trial, sequence);
  TemporaryDirectory place;
  auto const backup = place.path() + "/backup", data = place.path() + "/data";
  CHECK(trial.store->backup("relative").error().code == Errc::malformed);
  REQUIRE(trial.store->backup(backup));
  auto const spill = first_file(backup + "/spill", ".rows");
  fs::rename(spill, spill + ".away");
  CHECK_FALSE(restore_backup(backup, data));
  fs::copy_file(spill + ".away", spill);
  fs::resize_file(spill, fs::file_size(spill) - 1);
  CHECK(restore_backup(backup, data).error().code == Errc::malformed);
  fs::remove(spill);
  fs::rename(spill + ".away", spill);
  fs::remove(backup + "/backup.json");
  CHECK(restore_backup(backup, data).error().code == Errc::malformed);
  CHECK_FALSE(fs::exists(data + "/store"));
}

// What the process does that is killed.
[[noreturn]] void make_backup_forever(std::string const& temporary, std::string const& store,
                                      std::string const& backup) {
  try {
    ::alarm(60);
    ::setenv("TMPDIR", temporary.c_str(), 1);  // what it leaves goes with that
    RealDisk disk;
    StandingClock clock(at(0));
    StoreOnTrial trial(disk, clock);
    trial.options.directory = store;
    trial.open();
    std::vector<std::future<Result<void>>> answers;
    for (int tick = 0; tick < 600; tick += 10)
      answers.push_back(
          trial.append(batch("a", static_cast<std::uint64_t>(tick / 10 + 1), at(tick), 3)));
    for (auto& answer : answers)
      if (!answer.get()) ::_exit(1);
    trial.settle();
    trial.spill(20min);
    std::ofstream(store + ".ready") << "\n";
    static_cast<void>(trial.store->backup(backup));
    for (;;) ::pause();
  } catch (std::exception const&) {
    ::_exit(1);
  }
}

// It is killed at moments that move through its work.
TEST_CASE("a kill while a backup is made harms neither the store nor a restore") {
  TemporaryDirectory place;
  int whole = 0, cut = 0;
  for (int round = 0; round < 12 || ((whole == 0 || cut == 0) && round < 200); ++round) {
    auto const store = place.path() + "/store" + std::to_string(round);
    auto const backup = place.path() + "/backup" + std::to_string(round);
    pid_t const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) make_backup_forever(place.path(), store, backup);
    REQUIRE(eventually([&] { return fs::exists(store + ".ready"); }));
    std::this_thread::sleep_for(std::chrono::microseconds(round * 1500));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    RealDisk disk;
    StandingClock clock(at(2000));
    StoreOnTrial trial(disk, clock);
    trial.options.directory = store;
    trial.open();
    auto const held = everything(trial);
    REQUIRE(held.size() == 3);
    REQUIRE(held.begin()->second.size() == 60);
    auto const restored = restore_backup(backup, place.path() + "/data" + std::to_string(round));
    if (!restored) {
      ++cut;
      continue;
    }
    ++whole;
    trial.options.directory = place.path() + "/data" + std::to_string(round) + "/store";
    trial.open();
    CHECK(everything(trial) == held);
  }
  CHECK(whole > 0);
  CHECK(cut > 0);
}

TEST_CASE("the check of a store names what is damaged, beside a store that is open") {
  RealDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  fill(trial, sequence);
  auto const directory = trial.directory.path();
  CHECK(damages_of(directory).empty());

  InspectionOptions quick;
  auto const found = inspect_store(disk, directory, quick);
  REQUIRE(found);
  auto const& spills = found->kinds[static_cast<std::size_t>(StoreFileKind::spill)];
  CHECK(spills.files == 2);
  CHECK(spills.rows == 2 * 60 * 3);
  CHECK(spills.entities == 3);
  CHECK(spills.values == 0);  // not decoded
  CHECK(spills.first == tick_ns(at(0)));
  CHECK(spills.last == tick_ns(at(1590)));
  quick.decode = true;
  auto const decoded = inspect_store(disk, directory, quick);
  REQUIRE(decoded);
  CHECK(decoded->kinds[static_cast<std::size_t>(StoreFileKind::spill)].values == 2 * 60 * 3 * 2);

  // A chunk: one column of a group of one file.
  auto const spill = first_file(directory + "/spill", ".rows");
  flip(spill, 20);
  auto damages = damages_of(directory);
  REQUIRE(damages.size() == 1);
  CHECK(damages[0].file == "spill/" + fs::path(spill).filename().string());
  CHECK(damages[0].entity == "entity 1 (container a c0) to entity 3 (container a c2)");
  CHECK(damages[0].first == tick_ns(at(0)));
  CHECK(damages[0].last == tick_ns(at(590)));
  flip(spill, 20);
  CHECK(damages_of(directory).empty());

  // Its end: the whole file.
  flip(spill, fs::file_size(spill) - 1);
  damages = damages_of(directory);
  REQUIRE(damages.size() == 1);
  CHECK(damages[0].entity.empty());
  flip(spill, fs::file_size(spill) - 1);

  // Of the log what is in front of what was synced later; its torn end is none.
  REQUIRE(trial.append(batch("a", ++sequence, at(4000), 3)).get());
  REQUIRE(trial.append(batch("a", ++sequence, at(4010), 3)).get());
  trial.store.reset();
  std::string log;
  for (auto const& entry : fs::directory_iterator(directory + "/log"))
    log = std::max(log, entry.path().string());
  std::ofstream(log, std::ios::app | std::ios::binary) << "dAL1 torn";
  CHECK(damages_of(directory).empty());
  flip(log, 40);
  damages = damages_of(directory);
  REQUIRE_FALSE(damages.empty());
  CHECK(damages[0].file == "log/" + fs::path(log).filename().string());
}

TEST_CASE("the check of a store tells rows whose entity the catalogue lacks") {
  RealDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  std::uint64_t sequence = 0;
  fill(trial, sequence);
  auto const directory = trial.directory.path();
  trial.store.reset();
  {
    auto catalogue = Catalogue::open(directory + "/catalogue.db");
    REQUIRE(catalogue);
    CatalogueChange change;
    change.gone = {2};
    REQUIRE(catalogue->save(change));
  }
  auto damages = damages_of(directory);
  REQUIRE(damages.size() == 2);  // one for each file that has it
  CHECK(damages[0].entity == "entity 2");
  CHECK(damages[0].what == "the catalogue lacks this entity");
  CHECK(damages[1].file != damages[0].file);
  fs::remove(directory + "/catalogue.db");
  CHECK(inspect_store(disk, directory, {}).error().code == Errc::not_found);
  REQUIRE(Catalogue::open(directory + "/catalogue.db"));
  damages = damages_of(directory);
  REQUIRE(damages.size() == 2);
  CHECK(damages[0].what == "it is of another store");
}

TEST_CASE("a store that stops makes no backup and leaves nothing of one") {
  RealDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  TemporaryDirectory place;
  REQUIRE(trial.append(batch("a", 1, at(0), 3)).get());
  trial.store->begin_stop();
  auto const made = trial.store->backup(place.path() + "/backup");
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Errc::gone);
  CHECK(fs::is_empty(place.path()));

  // Nor does one that is stopped on its way, file by file.
  trial.open();
  int asked = 0;
  BackupWriter writer(place.path() + "/backup", [&asked] { return ++asked > 1; });
  REQUIRE(writer.begin({"log"}));
  auto const source = first_file(trial.directory.path() + "/log", ".log");
  REQUIRE(writer.add(source, "log/one"));
  auto const second = writer.add(source, "log/two");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::gone);
  writer.abandon();
  CHECK(fs::is_empty(place.path()));
}

}  // namespace
}  // namespace dadvisor::aggregator::store
