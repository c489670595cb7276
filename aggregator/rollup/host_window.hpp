#pragma once
// What one host delivered over a few ticks, app by app, and how several hosts' windows become an
// app's row. The engine keeps windows of the open ticks; for anything older they are read back
// from the store: the same function makes the row of both.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "aggregator/rollup/roll_up.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::rollup {

// Numbers the apps (cluster, raw name) within one process.
using AppNumber = std::uint32_t;

// A host counts as live for this many steps after its last tick: as long its silent instances are
// expected.
inline constexpr int live_steps = 3;

struct InstanceRow {
  EntityKey const* key = nullptr;  // orders the instances of an app; outlives the window
  Figures figures;
  bool up = true;     // whether it counts as alive: unless its row says state.up 0
  AppNumber app = 0;  // a window sets it
};

class HostWindow {
 public:
  // A batch of the host arrived for this tick.
  void deliver(WallTime tick, Nanoseconds step);
  // An instance's row; each tick must be delivered too.
  void add(WallTime tick, AppNumber app, EntityKey const& key, Figures figures);
  // In place of all of the app's rows at `tick`.
  void replace(WallTime tick, AppNumber app, std::span<InstanceRow const> rows);
  // From here on rows up to `until` say who was there, and no more: all but a few bytes of each.
  void drop_figures(WallTime until);
  void drop_rows_before(WallTime tick);
  void drop_ticks_before(WallTime tick);

  Nanoseconds step() const { return step_; }
  bool delivered(WallTime tick) const { return ticks_.contains(tick); }
  std::optional<WallTime> newest() const;
  // The last tick delivered before `tick`, however long ago.
  std::optional<WallTime> previous(WallTime tick) const;
  // The tick whose instances are expected at `tick`: itself, or the last one while it is live.
  std::optional<WallTime> expected_from(WallTime tick) const;
  // The instances of an app, by key; empty when there are none.
  std::span<InstanceRow const> instances(WallTime tick, AppNumber app) const;
  // Those of all apps, by app and key.
  std::span<InstanceRow const> instances(WallTime tick) const;
  // The apps that have a row at `tick`; nothing where its rows were dropped.
  std::optional<std::vector<AppNumber>> apps(WallTime tick) const;

 private:
  Nanoseconds step_{};
  std::set<WallTime> ticks_;
  std::map<WallTime, std::vector<InstanceRow>> rows_;  // by app and key
  std::size_t most_rows_ = 0;                          // of a tick
  WallTime rows_from_ = WallTime::min(), figures_after_ = WallTime::min();
};

// The step of what is rolled up at `tick`: the longest among the hosts that are live then.
std::optional<Nanoseconds> common_step(std::span<HostWindow const* const> hosts, WallTime tick);

// The app's row at `tick`, from its hosts sorted by name; nothing when no instance is known or
// when the tick is no multiple of the hosts' longest step.
std::optional<RollupRow> roll_up_app(std::span<HostWindow const* const> hosts, AppNumber app,
                                     WallTime tick);

}  // namespace dadvisor::aggregator::rollup
