// The log's promises: acknowledged means synced, few syncs for many, and damage stays local.

#include <catch2/catch.hpp>

#include "aggregator/store/log_record.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

bool ready(std::future<Result<void>> const& answer) {
  return answer.wait_for(0s) == std::future_status::ready;
}

TEST_CASE("no acknowledgement leaves while its sync is withheld") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  disk.withhold_syncs(true);
  auto first = trial.append(batch("a", 1, at(10)));
  REQUIRE(eventually([&] { return disk.waiting_syncs() == 1; }));
  auto second = trial.append(batch("b", 1, at(10)));
  trial.settle();  // applied, and yet
  CHECK(trial.rows(container("a", 0).key).size() == 1);
  CHECK_FALSE(ready(first));
  CHECK_FALSE(ready(second));
  disk.withhold_syncs(false);
  CHECK(first.get());
  CHECK(second.get());
}

TEST_CASE("a thousand concurrent batches cost at most twenty syncs") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  disk.withhold_syncs(true);
  auto first = trial.append(batch("agent", 1, at(10)));
  REQUIRE(eventually([&] { return disk.waiting_syncs() == 1; }));
  std::vector<std::future<Result<void>>> answers(1000);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 10; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = t * 100; i < (t + 1) * 100; ++i)
        answers[i] = trial.append(batch("agent" + std::to_string(i), 1, at(10)));
    });
  for (auto& thread : threads) thread.join();
  disk.withhold_syncs(false);
  for (auto& answer : answers) REQUIRE(answer.get());
  CHECK(first.get());
  CHECK(disk.syncs() <= 20);
  CHECK(trial.store->counters().appended_batches == 1001);
}

TEST_CASE(
    "a batch whose sync failed is answered with an error and doubles nothing when sent again") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  REQUIRE(trial.append(batch("a", 1, at(10))).get());
  disk.fail_syncs(1);
  auto failed = trial.append(batch("a", 2, at(20))).get();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::unavailable);
  CHECK_FALSE(trial.store->writable());
  CHECK_FALSE(trial.append(batch("a", 2, at(20))).get());  // still failing: refused
  REQUIRE(trial.writable_again());
  REQUIRE(trial.append(batch("a", 2, at(20))).get());
  REQUIRE(trial.append(batch("a", 3, at(30))).get());
  CHECK(disk.paths("/log/").size() == 2);  // the failed file was finished
  CHECK(trial.store->counters().sync_failures == 1);
  trial.settle();
  CHECK(trial.rows(container("a", 0).key).size() == 3);
  trial.open();
  CHECK(trial.rows(container("a", 0).key).size() == 3);
  CHECK(trial.store->marks().at(0).sequence == 3);
}

TEST_CASE("a full disk refuses, keeps what it acknowledged, and is back by itself") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  disk.set_capacity(20'000);
  std::uint64_t sequence = 0;
  while (trial.append(batch("a", sequence + 1, at(static_cast<int>(sequence + 1) * 10), 20)).get())
    ++sequence;
  REQUIRE(sequence > 3);
  CHECK_FALSE(trial.store->writable());
  for (int i = 0; i < 3; ++i) {
    clock.advance(1s);  // still full
    CHECK_FALSE(trial.append(batch("a", sequence + 1, at(9'000), 20)).get());
  }
  disk.set_capacity(SimulatedDisk::unlimited);
  REQUIRE(trial.writable_again());
  for (int i = 0; i < 5; ++i, ++sequence)
    REQUIRE(
        trial.append(batch("a", sequence + 1, at(static_cast<int>(sequence + 1) * 10), 20)).get());
  CHECK(trial.store->counters().write_failures >= 1);
  std::mt19937_64 random(1);
  disk.crash(random, true);
  trial.store.reset();
  disk.restart();
  trial.open();
  CHECK(trial.rows(container("a", 7).key).size() == sequence);
  CHECK(trial.store->marks().at(0).sequence == sequence);
}

// Sequences 1 .. 6: 1 and 4 key frames, the others deltas on the one before.
std::vector<std::string> chain() {
  std::vector<std::string> frames;
  for (std::uint64_t s = 1; s <= 6; ++s) {
    auto const now = batch("a", s, at(static_cast<int>(s) * 10), 3);
    frames.push_back(
        s == 1 || s == 4
            ? encode_key_frame(now)
            : encode_delta_frame(now, batch("a", s - 1, at(static_cast<int>(s - 1) * 10), 3)));
  }
  return frames;
}

TEST_CASE("a flipped bit costs its record and the chain behind it up to the next key frame") {
  std::mt19937_64 random(7);
  auto const frames = chain();
  for (std::size_t hit = 0; hit < frames.size(); ++hit) {
    SimulatedDisk disk;
    StandingClock clock(at(0));
    StoreOnTrial trial(disk, clock);
    for (std::uint64_t s = 1; s <= 6; ++s) {
      REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10), 3), frames[s - 1]).get());
      REQUIRE(trial.append(batch("b", s, at(static_cast<int>(s) * 10), 1)).get());
    }
    trial.store.reset();
    std::size_t offset = 0;
    for (std::size_t i = 0; i < hit; ++i)
      offset +=
          record_size(frames[i]) +
          record_size(encode_key_frame(batch("b", i + 1, at(static_cast<int>(i + 1) * 10), 1)));
    auto& bytes = disk.bytes(disk.paths(".log").at(0));
    bytes[offset + random() % record_size(frames[hit])] ^= static_cast<char>(1 << random() % 8);
    trial.open();
    std::vector<std::int64_t> lost, kept;
    for (std::size_t i = 0; i < 6; ++i) {
      bool const behind = i >= hit && (i < 3) == (hit < 3);
      if (!behind) kept.push_back(static_cast<std::int64_t>(i + 1) * 10);
    }
    std::vector<std::int64_t> seen;
    for (auto const& [seconds, cells] : trial.rows(container("a", 2).key)) seen.push_back(seconds);
    CHECK(seen == kept);
    CHECK(trial.rows(container("b", 0).key).size() == 6);
    CHECK(trial.store->counters().damaged_records >= 1);
    for (StreamMark const& mark : trial.store->marks()) CHECK(mark.sequence >= 5);
  }
}

TEST_CASE("a delta whose base is in another log file is made a key frame") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  auto const frames = chain();
  for (std::uint64_t s = 1; s <= 2; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10), 3), frames[s - 1]).get());
  trial.open();  // another file
  REQUIRE(trial.append(batch("a", 3, at(30), 3), frames[2]).get());
  trial.store.reset();
  auto const path = disk.paths(".log").at(0);
  REQUIRE(disk.remove(path));
  trial.open();
  CHECK(trial.rows(container("a", 1).key) == std::vector<SeenRow>{{30, {Cell(3010)}}});
  CHECK(trial.store->counters().damaged_records == 0);
}

TEST_CASE("what a killed run left in the page cache is synced before it counts") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  REQUIRE(trial.append(batch("a", 1, at(10))).get());
  disk.withhold_syncs(true);
  auto unanswered = trial.append(batch("a", 2, at(20)));
  REQUIRE(eventually([&] { return disk.waiting_syncs() == 1; }));
  std::mt19937_64 random(1);
  disk.crash(random, false);  // kill -9: written, not synced, still readable
  trial.store.reset();
  disk.restart();
  trial.open();
  REQUIRE(trial.store->marks().at(0).sequence == 2);  // the agent will drop it now
  disk.crash(random, true);
  trial.store.reset();
  disk.restart();
  trial.open();
  CHECK(trial.rows(container("a", 0).key).size() == 2);
}

TEST_CASE("a mark does not go over a batch that a torn write lost") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  REQUIRE(trial.append(batch("a", 1, at(10))).get());
  disk.withhold_syncs(true);
  auto first = trial.append(batch("b", 1, at(10)));  // its sync holds up the others
  REQUIRE(eventually([&] { return disk.waiting_syncs() == 1; }));
  std::vector<std::future<Result<void>>> group;
  for (std::uint64_t s = 2; s <= 4; ++s)
    group.push_back(trial.append(batch("a", s, at(static_cast<int>(s) * 10))));
  disk.withhold_syncs(false);
  for (auto& answer : group) REQUIRE(answer.get());
  std::mt19937_64 random(1);
  disk.crash(random, false);
  trial.store.reset();
  disk.restart();
  // As if the group of 2, 3 and 4 had not been synced, and the sector with 2 not written.
  auto& bytes = disk.bytes(disk.paths(".log").at(0));
  auto const size = record_size(encode_key_frame(batch("a", 2, at(20))));
  bytes[2 * size + size / 2] ^= 1;
  trial.open();
  auto const marks = trial.store->marks();
  REQUIRE(marks.size() == 2);
  CHECK(marks[0].sequence == 1);  // 2 must come again
  CHECK(marks[1].sequence == 1);
  for (std::uint64_t s = 2; s <= 4; ++s)
    REQUIRE(trial.append(batch("a", s, at(static_cast<int>(s) * 10))).get());
  trial.open();
  CHECK(trial.store->marks()[0].sequence == 4);
  CHECK(trial.rows(container("a", 0).key).size() == 4);
}

TEST_CASE("a scanner finds every sound record of a file of garbage") {
  std::mt19937_64 random(3);
  SimulatedDisk disk;
  std::string bytes;
  std::vector<std::string> frames;
  for (int i = 0; i < 200; ++i) {
    std::string garbage(random() % 50 + 1, '\0');
    for (char& c : garbage) c = "dAL1\0\xff"[random() % 6];
    bytes += garbage;
    frames.push_back(std::string(random() % 10'000, static_cast<char>('a' + i % 26)));
    append_record(bytes, frames.back(), 0);
  }
  auto file = disk.create("/f");
  REQUIRE(file);
  REQUIRE((*file)->append(bytes));
  auto readable = disk.open("/f");
  REQUIRE(readable);
  LogScanner scanner(**readable);
  for (std::string const& frame : frames) {
    auto next = scanner.next();
    REQUIRE(next);
    REQUIRE(*next);
    REQUIRE((*next)->frame == frame);
  }
  auto const end = scanner.next();
  REQUIRE(end);
  CHECK_FALSE(*end);
  CHECK(scanner.damaged() == 200);
}

}  // namespace
}  // namespace dadvisor::aggregator::store
