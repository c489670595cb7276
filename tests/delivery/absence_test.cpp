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

TEST_CASE("an hour in a spool that is too small: thinned first, then dropped, and all is told") {
  World world;
  world.options.spool.max_bytes = GENERATE(12'000u, 24'000u);
  bool const dropped = world.options.spool.max_bytes < 20'000;
  bool const killed = GENERATE(false, true);
  be_away(world, killed ? std::set<int>{100, 250, 300} : std::set<int>{});
  auto const told = world.told();
  auto const lacking = missing(world);
  auto const full = named(told, LossReason::full), thinned = named(told, LossReason::thinned);
  CHECK(batches(told, LossReason::full) + batches(told, LossReason::thinned) == lacking.size());
  CHECK(batches(told, LossReason::thinned) > 150);
  CHECK((batches(told, LossReason::full) > 0) == dropped);
  if (!killed) {
    CHECK(world.sender->counters().lost == batches(told, LossReason::full));
    CHECK(world.sender->counters().thinned == batches(told, LossReason::thinned));
  }
  for (auto const number : lacking) REQUIRE((full.contains(number) || thinned.contains(number)));
  for (auto const number : full) REQUIRE(lacking.contains(number));
  // Of what was thinned each minute has its tick, and of the rest of the time all is there.
  std::size_t minutes = 0;
  for (auto const number : thinned) {
    bool const minute = unix_seconds(World::batch(number).tick) % 60 == 0;
    if (!minute || full.contains(number)) continue;
    REQUIRE_FALSE(lacking.contains(number));
    ++minutes;
  }
  CHECK(minutes >= (dropped ? 5 : 20));
  for (auto const& loss : told)
    CHECK((loss.reason == LossReason::full || loss.reason == LossReason::thinned));
}

TEST_CASE("thinning leaves a container's first and last row, and what its runtime told") {
  World world;
  world.options.spool.max_bytes = 30'000;
  constexpr int begins = 53, ends = 73, told = 74;  // none of them at a minute
  world.start_agent();
  for (int i = 0; i < end; ++i) {
    world.away = i >= away_from && i < back_at;
    auto batch = World::batch(i);
    Entity const container{{EntityKind::container, "host-1", "c", 1}, {{"host", "host-1"}}};
    if (i >= begins && i <= ends) {
      batch.entities.push_back({7, container});
      batch.rows.push_back({7, 0, {i, i}});
    }
    if (i == told) {
      ContainerEvent event;
      event.entity = container;
      batch.events.push_back(event);
    }
    world.submit(std::move(batch));
  }
  world.run_for(seconds(30));
  CHECK(world.sender->counters().thinned > 100);
  CHECK(world.sender->counters().lost == 0);
  auto const arrived = world.arrived();
  for (auto const number : {begins, ends, told}) CHECK(arrived.contains(number));
  for (auto const number : {begins + 1, ends - 1, told + 1}) CHECK_FALSE(arrived.contains(number));
  auto const with_event = std::ranges::count_if(
      world.store.kept, [](Batch const& batch) { return !batch.events.empty(); });
  CHECK(with_event == 1);
}
