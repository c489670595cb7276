#pragma once
// What happens to a batch once the store has applied it: rollups follow, its tick becomes ready,
// and whoever waits for ready ticks (alerts, sinks) is told. Everything but tick() and the
// counters lives on the store thread; the coarser tiers are made on a thread of their own.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "aggregator/rollup/engine.hpp"
#include "aggregator/rollup/readiness.hpp"
#include "aggregator/rollup/tier_keeper.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator {

// Both are called on the store thread and must return at once.
struct PipelineListeners {
  std::function<void(rollup::ReadyTick const&)> ready;
  std::function<void(WallTime)> changed;  // rows came for a tick that was ready
};

class Pipeline final : public store::Observer {
 public:
  Pipeline(Clock const& clock, Log log);
  ~Pipeline() override;

  // After Store::open(), once. `resume_after`: the last tick that listeners have seen.
  void start(store::Store& store, std::optional<WallTime> resume_after,
             PipelineListeners listeners);
  // When it returns no listener is called any more. After tick() was called for the last time.
  void stop();
  void applied(Batch const& batch, std::span<store::EntityId const> ids) override;
  void buried(std::span<store::EntityId const> ids) override { engine_.buried(ids); }
  std::vector<store::DirtyKey> unfinished() const override { return engine_.unfinished(); }

  // Looks which ticks became ready and rolls up what is dirty, on the store thread. To be called
  // several times a second on one thread, that of start().
  void tick();

  // Nobody else changes tiers while it is held. From any thread; it may take as long as the sealing
  // of a period.
  std::unique_lock<std::mutex> hold_tiers() { return std::unique_lock(changing_tiers_); }

  rollup::RollupCounters rollup_counters() const;
  rollup::TierCounters tier_counters() const;
  // False after a restart, while streams are waited for.
  bool settled() const { return settled_; }

 private:
  void work();
  void make_tiers();

  Clock const& clock_;
  Log log_;
  rollup::RollupEngine engine_;
  store::Store* store_ = nullptr;
  std::optional<rollup::Readiness> readiness_;
  PipelineListeners listeners_;
  WallTime newest_ready_{};
  MonotonicTime flushed_{};
  std::atomic<bool> queued_ = false;
  std::atomic<bool> settled_ = false;
  mutable std::mutex mutex_;  // guards counters_
  rollup::RollupCounters counters_;

  std::unique_ptr<rollup::TierKeeper> tier_keeper_;
  std::mutex tiers_mutex_;  // guards the tiers' thread's sleep
  std::mutex changing_tiers_;
  std::condition_variable tiers_wake_;
  std::atomic<bool> stopping_ = false;
  std::thread tiers_thread_;
};

}  // namespace dadvisor::aggregator
