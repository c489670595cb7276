#pragma once
// Columns of rows that are made of other rows. Their ids are made of the metric's id and of which
// part of it they hold, so that the store keeps them like any other column.
//
// A rollup row (of an app or a cluster) holds, for one metric, one or more RollupParts, all doubles
// (real cells). For a counter the figure is its increase within the row's window.
//
// A row of a coarser tier holds, for one column of the finer rows that fell into its window, one or
// more WindowParts: see rollup/window_row.hpp.

#include <cstdint>

#include "common/core/metric/metric.hpp"

namespace dadvisor {

enum class RollupPart : std::uint8_t {
  raw = 0,  // the column of an instance's row: the metric id itself
  sum = 1,
  min = 2,
  max = 3,
  count = 4,  // rule add (avg is sum / count)
  all = 5,    // rules max and last
  numerator = 6,
  denominator = 7,  // rule ratio
  // Order statistics over the instances, for ranked metrics. They have no WindowParts: in every
  // tier they are those of the instances' means over the row's window.
  p50 = 48,
  p95 = 49,
  p99 = 50,
};

enum class WindowPart : std::uint8_t {
  value = 0,  // of a row that is no window: the value; of a counter's window: the last reading
  min = 1,
  max = 2,
  sum = 3,
  count = 4,
  last = 5,
  increase = 7,  // of a counter, where it is not its sum; 6 is taken by p50 ... p99
};

// Metric ids are below 1024.
constexpr MetricId rollup_column(MetricId metric, RollupPart part) {
  return static_cast<MetricId>(metric | (static_cast<unsigned>(part) << 10));
}
constexpr MetricId column_metric(MetricId column) { return column & 1023; }
// Also of a window's column.
constexpr RollupPart column_part(MetricId column) {
  unsigned const code = column >> 10;
  bool const ranked = code >= 48 && code <= 50;
  return static_cast<RollupPart>(ranked ? code : code & 7);
}
constexpr bool is_order(RollupPart part) { return part >= RollupPart::p50; }

// `column`: a raw or a rollup column, none of p50 ... p99.
constexpr MetricId window_column(MetricId column, WindowPart part) {
  return static_cast<MetricId>(column | (static_cast<unsigned>(part) << 13));
}

// The step of a row that is made of others, in ns, whole: entities have one step, but it may
// change.
inline constexpr MetricId row_step_column = window_column(0, WindowPart::last);
// How many of the finest rows a window holds.
inline constexpr MetricId row_ticks_column = window_column(0, WindowPart::count);

}  // namespace dadvisor
