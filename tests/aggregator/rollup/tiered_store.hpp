#pragma once
// A store with its rollups and tiers on a simulated disk and a clock that the test moves: hosts
// deliver ticks of containers that follow from their numbers, the machine stops and starts again.

#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <random>

#include "../store/simulated_disk.hpp"
#include "../store/store_on_trial.hpp"
#include "aggregator/rollup/engine.hpp"
#include "aggregator/rollup/tier_keeper.hpp"

namespace dadvisor::aggregator::rollup {

using namespace std::chrono_literals;

// A container's life, from one tick number to another.
struct TestLife {
  std::string host, app, id;
  int from = 0, until = 0;
  std::int64_t cpu_per_tick = 0;  // ns, times 1 ... 3 in turn
  double limit = 0;               // cores; none when 0
  std::int64_t memory = 0;        // plus 0 ... 6 in turn
  int found = 0;                  // the first tick at which its agent knows of it

  bool at(int number) const { return std::max(from, found) <= number && number <= until; }
  std::int64_t cpu(int number) const {
    std::int64_t sum = 0;
    for (int tick = from; tick <= number; ++tick) sum += cpu_per_tick * (1 + tick % 3);
    return sum;
  }
  Nanoseconds before = 4s;  // that it began before `from`
};

class TieredStore {
 public:
  static constexpr Nanoseconds step = 10s;
  // On a boundary of every period.
  static WallTime tick_at(int number) {
    return from_unix_seconds(1'800'000'000 / 86'400 * 86'400) + number * step;
  }

  explicit TieredStore(std::uint64_t seed = 1)
      : random(seed), clock(tick_at(0)), trial_(disk, clock) {
    auto& options = trial_.options;
    options.raw_waits_for_tiers = true;
    options.head_span = 5min;
    options.dead_after = 6min;  // so that most of what a test asks for left memory
    options.tiers.of(store::Tier::minute_instances).period = 10min;
    options.tiers.of(store::Tier::minute).period = 10min;
    options.tiers.of(store::Tier::ten_minutes).period = 1h;
  }
  ~TieredStore() { trial_.store.reset(); }

  store::StoreOptions& options() { return trial_.options; }
  store::Store& store() { return *trial_.store; }
  void open() {
    trial_.store.reset();
    engine = std::make_unique<RollupEngine>(Log("test", LogLevel::error));
    trial_.observer = engine.get();
    trial_.open();
    keeper = std::make_unique<TierKeeper>(*trial_.store, Log("test", LogLevel::error));
    run([&] { engine->attach(*trial_.store, clock.wall()); });
  }
  void stop(bool power_cut) {
    disk.crash(random, power_cut);
    trial_.store.reset();
    disk.restart();
    open();
  }

  // Returns once it is acknowledged.
  void deliver(std::string const& host, int number) {
    Batch batch;
    batch.stream = {host, 1};
    batch.sequence = ++sequences_[host];
    batch.tick = tick_at(number);
    batch.step = step;
    batch.schemas = {
        {{metric::cpu_usage}},
        {{metric::cpu_usage, metric::cpu_limit, metric::mem_working_set, metric::state_up}}};
    batch.entities.push_back({0, {{EntityKind::host, host, "", 0}, {{"cluster", "c"}}}});
    batch.rows.push_back({0, 0, {Cell{std::int64_t{1'000'000} * number}}});
    std::uint32_t slot = 0;
    for (TestLife const& life : lives) {
      ++slot;
      if (life.host != host || !life.at(number)) continue;
      std::int64_t const start = (tick_at(life.from) - life.before).time_since_epoch().count();
      batch.entities.push_back({slot,
                                {{EntityKind::container, host, life.id, start},
                                 {{"app", life.app}, {"cluster", "c"}, {"instance", life.id}}}});
      batch.rows.push_back(
          {slot,
           1,
           {Cell{life.cpu(number)}, life.limit > 0 ? Cell{real_cell(life.limit)} : Cell{},
            Cell{life.memory + number % 7}, Cell{1}}});
    }
    REQUIRE(trial_.append(batch).get());
  }
  void run(std::function<void()> work) {
    std::promise<void> done;
    trial_.store->post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Time passes; rollups, spills and tiers follow as they are due.
  void advance(Nanoseconds by) {
    clock.advance(by);
    trial_.settle();
    for (int i = 0; i < 100; ++i) {
      bool more = false;
      run([&] { more = engine->flush(clock.wall()); });
      if (!more) break;
    }
    keeper->work(clock.wall(), [] { return false; });
  }
  // Until nothing is open or dirty any more.
  void settle() {
    for (int i = 0; i < 8; ++i) advance(70s);
    REQUIRE(store().counters().dirty_windows == decltype(store::StoreCounters::dirty_windows){});
  }

  struct EntityRows {
    store::EntityInfo info;
    std::vector<WindowRow> kept;  // as a query reads them
    std::vector<WindowRow> made;  // out of raw rows
  };
  // By key; windows that begin in [from, until].
  std::map<EntityKey, EntityRows> rows(store::Tier tier, WallTime from, WallTime until) {
    std::map<EntityKey, EntityRows> all;
    auto const entities = entities_between(store(), WallTime::min(), WallTime::max());
    REQUIRE(entities);
    EntityDirectory const directory(*entities);
    HostTicks host_ticks(store());
    TierReader reader(
        store(), host_ticks, [&](EntityKey const& key) { return directory.host_of(key); },
        [&](EntityKey const& app, WallTime, WallTime,
            InstanceVisitor const& visit) -> Result<void> {
          for (store::EntityInfo const& info : directory.instances(app))
            if (auto done = visit(info); !done) return done;
          return {};
        });
    for (store::EntityInfo const& info : directory.list()) {
      bool const instance = info.entity.key.kind == EntityKind::container;
      if (instance != (tier == store::Tier::minute_instances)) continue;
      WindowLayout const layout(info.entity.key.kind, info.columns);
      EntityRows& found = all[info.entity.key];
      found.info = info;
      auto const read = [&](std::vector<WindowRow>& into) {
        return [&into](WindowRow const& row) { into.push_back(row); };
      };
      REQUIRE(reader.read(tier, info, layout, from, until, read(found.kept)));
      REQUIRE(reader.make(tier, info, layout, from, until, read(found.made)));
    }
    return all;
  }

  std::vector<TestLife> lives;
  std::mt19937_64 random;
  store::SimulatedDisk disk;
  store::StandingClock clock;
  std::unique_ptr<RollupEngine> engine;
  std::unique_ptr<TierKeeper> keeper;

 private:
  std::map<std::string, std::uint64_t> sequences_;
  store::StoreOnTrial trial_;
};

}  // namespace dadvisor::aggregator::rollup
