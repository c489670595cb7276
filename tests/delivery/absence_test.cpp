// The aggregator is away for an hour of simulated time, and the spool is too small for it: what
// arrived and what is told as lost are all that was submitted, and no tick is both.

#include "world.hpp"

using namespace dadvisor;
using namespace dadvisor::test;

namespace {

constexpr int away_from = 6, back_at = 366, end = 600;  // ticks

// The numbers that losses of that reason name, each once.
std::set<int> named(std::vector<Loss> const& told, LossReason reason) {
  std::set<int> numbers;
  for (auto const& loss : told) {
    if (loss.reason != reason) continue;
    for (auto tick = loss.first; tick <= loss.last; tick += test::step)
      REQUIRE(numbers.insert(World::number_of(tick)).second);
  }
  return numbers;
}

std::uint64_t batches(std::vector<Loss> const& told, LossReason reason) {
  std::uint64_t sum = 0;
  for (auto const& loss : told)
    if (loss.reason == reason) sum += loss.batches;
  return sum;
}

// `killed`: at these ticks the agent is killed and started again.
void be_away(World& world, std::set<int> const& killed) {
  world.start_agent();
  for (int i = 0; i < end; ++i) {
    world.away = i >= away_from && i < back_at;
    if (killed.contains(i)) world.start_agent();
    world.submit(i);
  }
  world.run_for(seconds(30));
  REQUIRE(world.sender->counters().waiting == 0);
}

std::set<int> missing(World const& world) {
  auto const arrived = world.arrived();
  std::set<int> numbers;
  for (int i = 0; i < end; ++i)
    if (!arrived.contains(i)) numbers.insert(i);
  return numbers;
}

}  // namespace

TEST_CASE("an hour in a spool that has room for it loses nothing") {
  World world;
  be_away(world, {});
  CHECK(missing(world).empty());
  CHECK(world.told().empty());
  CHECK(world.sender->counters().lost == 0);
}

TEST_CASE("an hour in a spool that holds less for its age: what is lost is what is told") {
  World world;
  world.options.spool.max_age = std::chrono::minutes(20);
  be_away(world, GENERATE(std::set<int>{}, std::set<int>{100, 250, 300}));
  auto const told = world.told();
  CHECK(named(told, LossReason::old) == missing(world));
  CHECK(batches(told, LossReason::old) == missing(world).size());
  CHECK(missing(world).size() > 200);
  for (auto const& loss : told) CHECK(loss.reason == LossReason::old);
}

TEST_CASE("an hour in a spool that is too small: what is lost is what is told") {
  World world;
  world.options.spool.max_bytes = 20'000;
  be_away(world, GENERATE(std::set<int>{}, std::set<int>{100, 250, 300}));
  auto const told = world.told();
  CHECK(named(told, LossReason::full) == missing(world));
  CHECK(batches(told, LossReason::full) == missing(world).size());
  CHECK(missing(world).size() > 100);
  for (auto const& loss : told) CHECK(loss.reason == LossReason::full);
}
