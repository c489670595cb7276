#pragma once
// Columns of rollup rows. A rollup row holds, for one metric, one or more of these; its column ids
// are made of the metric's id and the part, so that the store keeps them like any other row. All
// are doubles (real cells). For a counter the figure is its increase within the row's window.

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
};

// Metric ids are below 1024.
constexpr MetricId rollup_column(MetricId metric, RollupPart part) {
  return static_cast<MetricId>(metric | (static_cast<unsigned>(part) << 10));
}
constexpr MetricId column_metric(MetricId column) { return column & 1023; }
constexpr RollupPart column_part(MetricId column) { return static_cast<RollupPart>(column >> 10); }

}  // namespace dadvisor
