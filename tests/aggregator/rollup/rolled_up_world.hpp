#pragma once
// A store on a real disk with its rollups: hosts deliver ticks of containers that follow from their
// numbers, and the test says when time passes and when the server starts again.

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <map>
#include <thread>

#include "aggregator/rollup/engine.hpp"
#include "aggregator/store/real_disk.hpp"
#include "common/core/frame/frame.hpp"
#include "tests/hand_clock.hpp"

namespace dadvisor::aggregator::rollup {

using namespace std::chrono_literals;

inline constexpr Nanoseconds step = 10s;
inline constexpr std::int64_t first_tick = 1'800'000'000;
inline WallTime tick_at(int number) { return from_unix_seconds(first_tick + 10 * number); }

// An instance as the test knows it: lives from one tick number to another.
struct Life {
  std::string host, app, id;
  int from = 0, until = 0;
  std::int64_t start_ns = 0;
  std::int64_t cpu_per_tick = 0;  // ns
  double limit = 0;               // none when 0
  std::int64_t memory = 0;

  bool at(int number) const { return from <= number && number <= until; }
  std::int64_t usage(int number) const { return cpu_per_tick * (number - from + 1); }
};

struct Delivery {
  std::string host;
  int number = 0;
};

inline Schema const host_schema{{metric::cpu_usage}};
inline Schema const container_schema{
    {metric::cpu_usage, metric::cpu_limit, metric::mem_usage, metric::state_up}};

class World {
 public:
  explicit World(RollupOptions options = {}) : options_(options), directory_(make_directory()) {
    open();
  }
  ~World() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  World(World const&) = delete;

  std::vector<Life> lives;

  void deliver(Delivery const& what) {
    auto batch = std::make_shared<Batch>();
    batch->stream = {what.host, 1};
    batch->sequence = ++sequence_;
    batch->tick = tick_at(what.number);
    batch->step = step;
    batch->schemas = {host_schema, container_schema};
    std::uint32_t slot = 0;
    batch->entities.push_back({slot, {{EntityKind::host, what.host, "", 0}, {{"cluster", "c"}}}});
    batch->rows.push_back({slot, 0, {Cell{1'000 * what.number}}});
    for (Life const& life : lives) {
      if (life.host != what.host) continue;
      ++slot;
      if (!life.at(what.number)) continue;
      batch->entities.push_back(
          {slot,
           {{EntityKind::container, life.host, life.id, life.start_ns},
            {{"app", life.app}, {"cluster", "c"}, {"owner", "team-" + life.app}}}});
      Cell const limit = life.limit > 0 ? Cell{real_cell(life.limit)} : Cell{};
      batch->rows.push_back(
          {slot, 1, {Cell{life.usage(what.number)}, limit, Cell{life.memory}, Cell{1}}});
    }
    std::promise<void> done;
    store_->append(encode_key_frame(*batch), batch, [&](Result<void> result) {
      if (result) done.set_value();
    });
    REQUIRE(done.get_future().wait_for(10s) == std::future_status::ready);
  }

  // Runs on the store thread, after all that was delivered.
  void run(std::function<void(RollupEngine&)> work) {
    std::promise<void> done;
    store_->post([&] {
      work(*engine_);
      done.set_value();
    });
    done.get_future().wait();
  }
  void flush(WallTime now) {
    run([&](RollupEngine& engine) { engine.flush(now); });
  }
  void settle(WallTime now) {
    for (int i = 0; i < 100; ++i) {
      bool more = false;
      now += 61s;
      run([&](RollupEngine& engine) { more = engine.flush(now); });
      if (!more && i > 3) return;
    }
    FAIL("flush() never ends");
  }
  void restart(WallTime now) {
    store_.reset();
    open();
    run([&](RollupEngine& engine) { engine.attach(*store_, now); });
  }
  void attach(WallTime now) {
    run([&](RollupEngine& engine) { engine.attach(*store_, now); });
  }

  std::map<int, RollupRow> rows(EntityKind kind, std::string const& name) {
    std::map<int, RollupRow> found;
    auto const entities = store_->entities();
    for (store::EntityInfo const& info : *entities) {
      if (info.entity.key.kind != kind || info.entity.key.container_id != name) continue;
      labels = info.entity.labels;
      auto const columns = rollup_columns();
      auto const scanned = store_->scan(
          info.id, columns, tick_at(-1000), tick_at(1000),
          [&](WallTime tick, std::span<Cell const> cells) {
            int const number = static_cast<int>((unix_seconds(tick) - first_tick) / 10);
            RollupRow& row = found[number];
            row.window = info.step;
            for (std::size_t i = 0; i < columns.size(); ++i)
              if (cells[i]) {
                row.columns.push_back(columns[i]);
                row.values.push_back(cell_real(*cells[i]));
              }
          });
      REQUIRE(scanned);
    }
    return found;
  }
  Labels labels;  // of the entity that rows() read last
  RollupCounters counters() const { return engine_->counters(); }

 private:
  static std::string make_directory() {
    static std::atomic<int> number{0};
    auto const made =
        std::filesystem::temp_directory_path() /
        ("dadvisor-rollup-" + std::to_string(::getpid()) + "-" + std::to_string(++number));
    std::filesystem::create_directories(made);
    return made;
  }
  void open() {
    engine_ = std::make_unique<RollupEngine>(Log("test", LogLevel::error), options_);
    store::StoreOptions options;
    options.directory = directory_;
    options.sync_spacing = 0s;
    auto opened =
        store::Store::open(options, disk_, clock_, Log("test", LogLevel::error), engine_.get());
    REQUIRE(opened);
    store_ = std::move(*opened);
    while (!store_->replayed()) std::this_thread::yield();
  }

  RollupOptions const options_;
  std::string directory_;
  store::RealDisk disk_;
  test::HandClock const clock_{tick_at(0)};
  std::unique_ptr<RollupEngine> engine_;
  std::unique_ptr<store::Store> store_;
  std::uint64_t sequence_ = 0;
};

inline double value(RollupRow const& row, MetricId metric, RollupPart part) {
  return row.value(rollup_column(metric, part)).value_or(-1);
}
inline double sum(RollupRow const& row, MetricId metric) {
  return value(row, metric, RollupPart::sum);
}
inline double expected(RollupRow const& row) {
  return value(row, metric::state_expected, RollupPart::all);
}

inline Life life(std::string host, std::string app, std::string id, int from, int until) {
  Life made{std::move(host), std::move(app), std::move(id), from, until, 0, 0, 0, 0};
  // Seen for the first time 4 s after it began.
  made.start_ns = (first_tick + 10 * from - 4) * 1'000'000'000;
  return made;
}

}  // namespace dadvisor::aggregator::rollup
