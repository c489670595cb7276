#pragma once
// From instances to an app, from apps to a cluster: pure functions over one window. They never add
// to an earlier result: whatever goes in is all there is, so replays, duplicates and another order
// of arrival cannot make another sum. The order of the arguments decides how doubles round and
// which value is `last`: callers pass them sorted.

#include <optional>
#include <span>
#include <vector>

#include "aggregator/rollup/figures.hpp"
#include "common/core/clock.hpp"
#include "common/core/metric/column.hpp"
#include "common/core/two_lanes.hpp"

namespace dadvisor::aggregator::rollup {

// A row of an app or a cluster at a tick, in the stored units of its metrics; for a counter the
// figure is the increase that falls into the window.
struct RollupRow {
  Nanoseconds window{};           // the row's step
  std::vector<MetricId> columns;  // rollup_column()s, ascending
  std::vector<double> values;     // one per column, never NaN

  std::optional<double> value(MetricId column) const;
  bool operator==(RollupRow const&) const = default;
};

// Every column that a row of roll_up() may have, ascending.
std::span<MetricId const> rollup_columns();

// One app's instances. `expected`: how many are known alive, with or without figures at this tick.
// A ratio sums numerator and denominator over those instances alone that have both, and its
// counters count as shown rates. Ranked metrics have p50, p95 and p99 over the instances' figures.
RollupRow roll_up(std::span<Figures const* const> instances, double expected, Nanoseconds window);

// What a counter rose by within a window, from its rate per second: that times the window is the
// increase that it was made of, but for rounding a few bits off, and whole numbers are stored in a
// third of the room.
double increase_of(double per_second, double window_seconds);
TwoDoubles increase_of(TwoDoubles per_second, double window_seconds);

// Several apps' rows (or parts of one app's) as one; increases of rows with another window are
// scaled to `window`. Order statistics are left out: those of parts say nothing of the whole, which
// has them of RankedFigures.
RollupRow merge(std::span<RollupRow const* const> rows, Nanoseconds window);

}  // namespace dadvisor::aggregator::rollup
