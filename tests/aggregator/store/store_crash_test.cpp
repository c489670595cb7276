// Power cuts and kills at seeded moments: what was acknowledged is found, each row once.

#include <catch2/catch.hpp>

#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr int agents = 3;

// One agent as the delivery protocol makes it: sends again from the first unacknowledged batch.
struct Sender {
  std::string name;
  std::uint64_t acknowledged = 0;
  std::vector<std::future<Result<void>>> under_way;

  WallTime tick(std::uint64_t sequence) const {
    // Every seventh batch is late by a minute and a half.
    auto const seconds = static_cast<std::int64_t>(sequence) * 30;
    return at(sequence % 7 == 0 ? seconds - 95 : seconds);
  }
};

TEST_CASE("no crash loses or doubles what was acknowledged") {
  std::mt19937_64 random(20'240'501);
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOnTrial trial(disk, clock);
  trial.options.spills_per_segment = 3;
  trial.open();
  std::vector<Sender> senders;
  for (int i = 0; i < agents; ++i) senders.push_back({"agent" + std::to_string(i), 0, {}});
  std::uint64_t replayed = 0, spills = 0, merges = 0;
  for (int round = 0; round < 200; ++round) {
    for (auto const& mark : trial.store->marks())
      for (auto& sender : senders)
        if (sender.name == mark.stream.agent) {
          REQUIRE(mark.sequence >= sender.acknowledged);
          sender.acknowledged = mark.sequence;
        }
    auto const steps = random() % 12;
    for (std::uint64_t step = 0; step < steps; ++step) {
      for (auto& sender : senders) {
        auto const next = sender.acknowledged + sender.under_way.size() + 1;
        sender.under_way.push_back(trial.append(batch(sender.name, next, sender.tick(next), 2)));
      }
      if (random() % 5 == 0) disk.withhold_syncs(true);
      clock.advance(30s);
      trial.settle();
      if (random() % 4 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      if (random() % 3 == 0) disk.withhold_syncs(false);
    }
    spills += trial.store->counters().spills;
    merges += trial.store->counters().merges;
    disk.crash(random, random() % 4 != 0);
    trial.store.reset();  // answers all that is still under way
    for (auto& sender : senders) {
      for (auto& answer : sender.under_way)
        if (answer.get())
          ++sender.acknowledged;
        else
          break;
      sender.under_way.clear();
    }
    disk.restart();
    trial.open();
    replayed += trial.store->counters().replayed_batches;
    if (round % 5 != 4) continue;
    for (auto const& sender : senders) {
      auto const rows = trial.rows(container(sender.name, 1).key);
      std::map<std::int64_t, std::int64_t> found;
      for (auto const& [seconds, cells] : rows) {
        REQUIRE(found.emplace(seconds, *cells[0]).second);
      }
      for (std::uint64_t s = 1; s <= sender.acknowledged; ++s) {
        auto const seconds = unix_seconds(sender.tick(s)) - unix_seconds(at(0));
        INFO("round " << round << " " << sender.name << " sequence " << s);
        REQUIRE(found.contains(seconds));
        REQUIRE(found[seconds] == static_cast<std::int64_t>(s) * 1000 + 10);
      }
    }
  }
  CHECK(replayed > 100);  // the log was needed ...
  CHECK(spills > 10);     // ... and so were spills ...
  CHECK(merges > 3);      // ... and segments
}

}  // namespace
}  // namespace dadvisor::aggregator::store
