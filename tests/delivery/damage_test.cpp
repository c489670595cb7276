// A spool that is flipped at every byte, or cut at every length, between two runs of an agent:
// what arrives is what was submitted, less what the losses of that run say.

#include <fstream>

#include "world.hpp"

using namespace dadvisor;
using namespace dadvisor::test;
namespace files = std::filesystem;

namespace {

using Spooled = std::map<std::string, std::string>;  // its files, by name

Spooled files_of(std::string const& directory) {
  Spooled spooled;
  for (auto const& entry : files::directory_iterator(directory)) {
    std::ifstream in(entry.path(), std::ios::binary);
    spooled[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return spooled;
}

constexpr int submitted = 10;  // 0 to 9 before the damage, 10 behind it

// What a killed agent and an aggregator that was away have: 0 and 1 are done, 2 arrived but
// the agent does not know, 3 to 9 wait; in several segments.
struct Before {
  Spooled spool;
  std::vector<Batch> kept;
  WallTime now{};

  Before() {
    World world;
    world.options.spool.segment_bytes = 500;
    world.start_agent();
    for (int i = 0; i < 2; ++i) world.submit(i);
    world.run_for(seconds(2));
    REQUIRE(world.sender->counters().waiting == 0);
    world.loses_answers = true;
    world.submit(2);
    world.run_for(seconds(2));
    world.away = true;
    for (int i = 3; i < submitted; ++i) world.submit(i);
    world.run_for(seconds(2));
    REQUIRE(world.sender->counters().waiting == submitted - 2);
    REQUIRE(world.arrived() == std::set<int>{0, 1, 2});
    world.kill_agent();
    spool = files_of(world.options.spool.directory);
    kept = world.store.kept;
    now = world.clock.now;
    REQUIRE(std::ranges::count_if(spool, [](auto const& file) {
              return file.first.starts_with("segment-") && !file.second.empty();
            }) >= 3);
  }
};

struct After {
  std::set<int> missing;
  std::vector<Loss> told;
  std::uint64_t told_batches = 0;
  agent::SenderCounters counters;
};

After run(Before const& before, Spooled const& damaged) {
  World world;
  world.store.kept = before.kept;
  world.clock.now = before.now;
  world.start_aggregator();
  files::create_directories(world.options.spool.directory);
  for (auto const& [name, bytes] : damaged)
    std::ofstream(world.options.spool.directory + "/" + name, std::ios::binary) << bytes;
  world.options.spool.segment_bytes = 500;
  world.start_agent();
  world.submit(submitted);
  world.run_for(std::chrono::minutes(10));
  After after;
  after.counters = world.sender->counters();
  REQUIRE(after.counters.waiting == 0);
  REQUIRE(after.counters.spool.batches == 0);
  auto const arrived = world.arrived();
  for (int i = 0; i <= submitted; ++i)
    if (!arrived.contains(i)) after.missing.insert(i);
  REQUIRE(arrived.size() + after.missing.size() == submitted + 1);
  after.told = world.told();
  for (auto const& loss : after.told) {
    REQUIRE(loss.reason == LossReason::damaged);
    after.told_batches += loss.batches;
  }
  REQUIRE(after.counters.lost == after.told_batches);
  return after;
}

bool names(std::vector<Loss> const& told, int number) {
  auto const tick = World::batch(number).tick;
  return std::ranges::any_of(
      told, [&](Loss const& loss) { return loss.first <= tick && tick <= loss.last; });
}

}  // namespace

TEST_CASE("every byte of a spool flipped: what is missing is what the loss says") {
  Before const before;
  REQUIRE(run(before, before.spool).missing.empty());
  int lost = 0, in_doubt = 0, harmless = 0;
  for (auto const& [name, bytes] : before.spool) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      INFO(name << " at " << i);
      auto damaged = before.spool;
      damaged[name][i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
      auto const after = run(before, damaged);
      if (!name.starts_with("segment-")) {
        REQUIRE(after.missing.empty());  // another epoch, or a new one
        REQUIRE(after.told.empty());
        continue;
      }
      REQUIRE(after.counters.spool.damaged == 1);
      REQUIRE(after.missing.size() <= 1);
      for (auto const number : after.missing) REQUIRE(names(after.told, number));
      // All of it is known but behind the last batch: there it is told that one may be lost.
      if (after.told_batches == 0 && !after.told.empty()) {
        REQUIRE(after.told.size() == 1);
        REQUIRE(after.told[0].first == after.told[0].last);
        REQUIRE((names(after.told, submitted - 1) || names(after.told, submitted)));
        ++in_doubt;
      } else {
        // 2 had arrived, which nobody here can know.
        std::uint64_t const arrived = names(after.told, 2) ? 1 : 0;
        REQUIRE(after.told_batches == after.missing.size() + arrived);
        for (auto const& loss : after.told) REQUIRE(loss.first == loss.last);
        ++(after.missing.empty() ? harmless : lost);
      }
    }
  }
  CHECK(lost > 500);
  CHECK(in_doubt > 0);
  CHECK(harmless > 100);  // a place, or what was done
}

TEST_CASE("a spool cut at every length: what stood before the cut arrives, the rest is told") {
  Before const before;
  int between = 0, within = 0, emptied = 0;
  for (auto const& [name, bytes] : before.spool) {
    if (!name.starts_with("segment-")) continue;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      INFO(name << " to " << size);
      auto damaged = before.spool;
      damaged[name].resize(size);
      auto const after = run(before, damaged);
      for (auto const number : after.missing) REQUIRE(number >= 3);
      if (after.missing.empty()) continue;
      if (size == 0 && after.told_batches == 0) {
        // Of a file of which nothing is left, and none in front of it, nobody knows how much it
        // was.
        REQUIRE(names(after.told, *after.missing.rbegin()));
        ++emptied;
        continue;
      }
      for (auto const number : after.missing) UNSCOPED_INFO("missing " << number);
      for (auto const& loss : after.told)
        UNSCOPED_INFO("told " << World::number_of(loss.first) << " to "
                              << World::number_of(loss.last) << ": " << loss.batches);
      // All of them had been synced: also between two records a cut is seen.
      for (auto const number : after.missing) REQUIRE(names(after.told, number));
      ++(after.counters.spool.damaged == 1 ? within : between);
      // What had arrived is told as well where the cut took the word of it.
      REQUIRE(after.told_batches >= after.missing.size());
      REQUIRE(after.told_batches <= after.missing.size() + 3);
      for (int i = 3; i < submitted; ++i)
        if (!after.missing.contains(i)) REQUIRE(!names(after.told, i));
    }
  }
  CHECK(emptied <= 1);
  CHECK(between > 0);
  CHECK(within > 100);
}
