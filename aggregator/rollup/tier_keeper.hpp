#pragma once
// Makes the coarser tiers out of raw rows: a period's file once the period is over and its rows are
// settled, and again, entity by entity, what late rows left dirty. Everything can be made again as
// long as raw rows are there, and the store keeps those until it is.
//
// Reads and writes whole files, so it has a thread of its own: neither the log nor fresh ticks ever
// wait for it. work() is called on one thread at a time; counters() from any.

#include <atomic>
#include <functional>
#include <optional>

#include "aggregator/rollup/entity_directory.hpp"
#include "aggregator/rollup/tier_reader.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::rollup {

struct TierKeeperOptions {
  // A period is settled this long after it: its ticks are closed and rolled up.
  Nanoseconds settled_after = std::chrono::minutes(3);
  Nanoseconds spacing = std::chrono::minutes(1);  // dirty windows are made again this often
};

struct TierCounters {
  std::uint64_t sealed_periods = 0, mended_ranges = 0, rows = 0, failures = 0;
};

class TierKeeper {
 public:
  // The store must outlive it.
  TierKeeper(store::Store& store, Log log, TierKeeperOptions options = {})
      : store_(store), log_(std::move(log)), options_(options) {}

  // Does what is due; ends early when `stopping` says so. To be called once a second.
  void work(WallTime now, std::function<bool()> const& stopping);
  TierCounters counters() const;

 private:
  using Ranges = std::vector<store::DirtyRange>;
  // The next period that may be sealed, if there is one.
  std::optional<WallTime> due(store::Tier tier, WallTime now);
  Result<std::shared_ptr<store::EntityList const>> entities_of(store::Tier tier,
                                                               WallTime period) const;
  bool seal(store::Tier tier, WallTime period, std::function<bool()> const& stopping);
  // Makes again what is dirty of the newest period that ends at `until` or before, and says which
  // that was; nothing: none is, or it failed.
  std::optional<WallTime> mend(store::Tier tier, WallTime until,
                               std::function<bool()> const& stopping);
  Result<void> write(store::Tier tier, WallTime period, bool whole,
                     EntityDirectory const& directory, Ranges const& ranges,
                     std::function<bool()> const& stopping);
  void mark_behind_holes(store::Tier tier, EntityDirectory const& directory, Ranges const& ranges);
  void pass_on(store::Tier tier, EntityDirectory const& directory, Ranges const& ranges);
  void failed(char const* what, Error const& error);

  store::Store& store_;
  Log log_;
  TierKeeperOptions const options_;
  WallTime mended_{};
  WallTime failed_{};  // nothing is tried for a while after a failure
  WallTime now_{};
  WallTime first_tick_{};  // of all rows, as it was seen at looked_; while a tier is empty
  WallTime looked_{};
  std::atomic<std::uint64_t> sealed_periods_{0}, mended_ranges_{0}, rows_{0}, failures_{0};
};

}  // namespace dadvisor::aggregator::rollup
