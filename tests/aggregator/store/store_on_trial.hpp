#pragma once
// What the store's tests share: a clock that stands, a directory that goes, batches of one agent,
// and a store that can be closed and opened again on the same disk.

#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aggregator/store/real_disk.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::aggregator::store {

using namespace std::chrono_literals;

class StandingClock final : public Clock {
 public:
  explicit StandingClock(WallTime now) : now_(now.time_since_epoch().count()) {}
  WallTime wall() const override { return WallTime(Nanoseconds(now_ + wall_ahead_)); }
  MonotonicTime monotonic() const override { return MonotonicTime(Nanoseconds(now_)); }
  void advance(Nanoseconds by) { now_ += by.count(); }
  // The wall clock alone is set.
  void step_wall(Nanoseconds by) { wall_ahead_ += by.count(); }

 private:
  std::atomic<std::int64_t> wall_ahead_{0};
  std::atomic<std::int64_t> now_;
};

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(std::string const& in = std::filesystem::temp_directory_path()) {
    auto name = in + "/store-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string const& path() const { return path_; }

 private:
  std::string path_;
};

inline WallTime at(std::int64_t seconds) { return from_unix_seconds(1'700'000'040 + seconds); }

// The condition must come true by what other threads do; false after ten seconds.
inline bool eventually(std::function<bool()> const& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return condition();
}

inline Entity container(std::string const& host, int number) {
  return {{EntityKind::container, host, "c" + std::to_string(number), 1'000},
          {{"app", "/shop/cart"}, {"host", host}}};
}

// A batch of `containers` rows: cell i of container c at sequence s is s * 1000 + c * 10 + i.
inline Batch batch(std::string const& agent, std::uint64_t sequence, WallTime tick,
                   int containers = 1, Lane lane = Lane::fresh) {
  Batch made;
  made.stream = {agent, 1};
  made.lane = lane;
  made.sequence = sequence;
  made.tick = tick;
  made.step = 10s;
  made.schemas = {{{metric::cpu_usage, metric::mem_usage}}};
  for (int c = 0; c < containers; ++c) {
    auto const slot = static_cast<std::uint32_t>(c + 1);
    auto const value = static_cast<std::int64_t>(sequence) * 1000 + c * 10;
    made.entities.push_back({slot, container(agent, c)});
    made.rows.push_back({slot, 0, {value, value + 1}});
  }
  return made;
}

// One row as a scan shows it.
using SeenRow = std::pair<std::int64_t, std::vector<Cell>>;  // seconds after at(0)

struct StoreOnTrial {
  Disk& disk;
  StandingClock& clock;
  TemporaryDirectory directory;
  StoreOptions options;
  Observer* observer = nullptr;
  std::unique_ptr<Store> store;

  StoreOnTrial(Disk& its_disk, StandingClock& its_clock,
               std::string const& in = std::filesystem::temp_directory_path(),
               StoreOptions const& its_options = {})
      : disk(its_disk), clock(its_clock), directory(in), options(its_options) {
    options.directory = directory.path();
    options.sync_spacing = 0ns;
    options.disk_reserve = 0;
    // Nothing leaves memory behind a spill unless a test says when: it would race with its reads.
    if (options.dead_after == StoreOptions().dead_after) options.dead_after = 10'000h;
    open();
  }
  void open(bool wait_for_replay = true) {
    store.reset();
    auto opened = Store::open(options, disk, clock, Log("store-test", LogLevel::none), observer);
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    store = std::move(*opened);
    if (wait_for_replay && !eventually([this] { return store->replayed(); }))
      throw std::runtime_error("not replayed");
  }
  std::future<Result<void>> append(Batch const& batch, std::string frame = {}) {
    auto answer = std::make_shared<std::promise<Result<void>>>();
    if (frame.empty()) frame = encode_key_frame(batch);
    store->append(std::move(frame), std::make_shared<Batch const>(batch),
                  [answer](Result<void> result) { answer->set_value(std::move(result)); });
    return answer->get_future();
  }
  // The log looks once a second of its clock whether it can be written, some time after it is told.
  bool writable_again() {
    return eventually([this] {
      clock.advance(1s);
      return store->writable();
    });
  }
  // Waits until everything that was appended before is in the head.
  void settle() {
    std::promise<void> done;
    store->post([&] { done.set_value(); });
    done.get_future().wait();
  }
  // Lets `by` pass and waits for the spill that this makes due.
  bool spill(Nanoseconds by = 10min) {
    auto const before = store->counters().spills;
    clock.advance(by);
    settle();
    return eventually([&] { return store->counters().spills > before; });
  }
  // Entities in memory and on disk.
  std::map<EntityId, EntityPtr> known() const {
    std::map<EntityId, EntityPtr> all;
    auto const list = store->entities();
    auto const groups = store->dead_groups();
    auto const dead = store->dead(groups->all(), WallTime::min(), WallTime::max(), 1'000'000);
    if (!dead) throw std::runtime_error(to_string(dead.error()));
    for (EntityPtr const& info : list->pointers()) all.emplace(info->id, info);
    for (EntityPtr const& info : dead->pointers()) all.emplace(info->id, info);
    return all;
  }
  std::vector<SeenRow> rows(EntityKey const& key,
                            std::vector<MetricId> columns = {metric::cpu_usage},
                            WallTime from = at(-1'000'000), WallTime until = at(1'000'000)) {
    std::vector<SeenRow> seen;
    for (auto const& [id, info] : known()) {
      if (info->entity.key != key) continue;
      auto const scanned = store->scan(id, columns, from, until, [&](WallTime tick, auto cells) {
        seen.emplace_back(unix_seconds(tick) - unix_seconds(at(0)),
                          std::vector<Cell>(cells.begin(), cells.end()));
      });
      if (!scanned) throw std::runtime_error(to_string(scanned.error()));
    }
    return seen;
  }
};

}  // namespace dadvisor::aggregator::store
