#include "aggregator/pipeline.hpp"

#include <future>

#include "common/core/foreign.hpp"
#include "common/core/give_way.hpp"

namespace dadvisor::aggregator {

using namespace std::chrono_literals;

Pipeline::Pipeline(Clock const& clock, Log log)
    : clock_(clock), log_(std::move(log)), engine_(log_) {}

Pipeline::~Pipeline() {
  stopping_ = true;
  tiers_wake_.notify_one();
  if (tiers_thread_.joinable()) tiers_thread_.join();
}

void Pipeline::start(store::Store& store, std::optional<WallTime> resume_after,
                     PipelineListeners listeners) {
  store_ = &store;
  tier_keeper_ = std::make_unique<rollup::TierKeeper>(store, log_);
  tiers_thread_ = std::thread([this] { make_tiers(); });
  store.post([this, &store, resume_after, listeners = std::move(listeners)]() mutable {
    listeners_ = std::move(listeners);
    std::set<std::string> known;
    for (auto const& mark : store.marks())
      if (!is_foreign(mark.stream)) known.insert(mark.stream.agent);
    auto const now = clock_.wall();
    engine_.attach(store, now);
    readiness_.emplace(rollup::ReadinessOptions{}, std::move(known), resume_after, now);
  });
}

void Pipeline::stop() {
  {
    std::lock_guard const lock(tiers_mutex_);
    stopping_ = true;
  }
  tiers_wake_.notify_one();
  // From here on rows are missing: work() sees stopping_ and calls no tick ready any more, and the
  // tiers' thread finishes no file any more. It may wait for what only this ends: a backup.
  store_->begin_stop();
  if (tiers_thread_.joinable()) tiers_thread_.join();
  std::promise<void> stopped;
  store_->post([this, &stopped] {
    listeners_ = {};
    readiness_.reset();
    stopped.set_value();
  });
  stopped.get_future().wait();
}

void Pipeline::applied(Batch const& batch, std::span<store::EntityId const> ids) {
  engine_.applied(batch, ids);
  if (!readiness_) return;
  readiness_->delivered(batch.stream.agent, batch.tick, batch.step);
  if (batch.tick <= newest_ready_ && listeners_.changed) listeners_.changed(batch.tick);
}

void Pipeline::tick() {
  // One call at a time waits, however far behind the store thread is.
  if (!queued_.exchange(true)) store_->post([this] { work(); });
}

void Pipeline::work() {
  queued_ = false;
  if (!readiness_ || stopping_) return;
  auto const now = clock_.wall();
  auto const ready = readiness_->poll(now);
  readiness_->poll_closed(now);
  settled_ = readiness_->settled(now);
  for (auto const& tick : ready) engine_.ready(tick.tick);
  if (!ready.empty() || clock_.monotonic() - flushed_ >= 1s) {
    flushed_ = clock_.monotonic();
    if (engine_.flush(now)) store_->post([this, now] { engine_.flush(now); });
    std::lock_guard lock(mutex_);
    counters_ = engine_.counters();
  }
  for (auto const& tick : ready) {
    newest_ready_ = tick.tick;
    if (listeners_.ready) listeners_.ready(tick);
  }
}

void Pipeline::make_tiers() {
  give_way();  // a period of a tier is many seconds of work that nobody waits for
  std::unique_lock lock(tiers_mutex_);
  while (!tiers_wake_.wait_for(lock, 1s, [this] { return stopping_.load(); })) {
    if (!store_->replayed()) continue;  // no window is made of a part of its rows
    lock.unlock();
    {
      auto const held = hold_tiers();
      tier_keeper_->work(clock_.wall(), [this] { return stopping_.load(); });
    }
    lock.lock();
  }
}

rollup::TierCounters Pipeline::tier_counters() const {
  return tier_keeper_ ? tier_keeper_->counters() : rollup::TierCounters{};
}

rollup::RollupCounters Pipeline::rollup_counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace dadvisor::aggregator
