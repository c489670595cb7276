#pragma once
// p50, p95 and p99 over instances: exact order statistics, by nearest rank (the least value that at
// least that fraction of the values is not above). No interpolation: each is a value that an
// instance had. Not thread-safe.

#include <array>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "aggregator/rollup/window_row.hpp"
#include "common/core/metric/column.hpp"

namespace dadvisor::aggregator::rollup {

inline constexpr std::array order_parts{std::pair{RollupPart::p50, 0.50},
                                        std::pair{RollupPart::p95, 0.95},
                                        std::pair{RollupPart::p99, 0.99}};

// The values in the order of order_parts; `values` must not be empty and is reordered.
std::array<double, order_parts.size()> order_of(std::vector<double>& values);

// Collects the instances' means over the windows of a tier and fills them into the rows of
// an app or a cluster.
class OrderStatistics {
 public:
  // `layout`: of those rows, with the columns that are wanted.
  OrderStatistics(WindowLayout const& layout, Nanoseconds window);
  // Those of an instance's columns that are needed, ascending.
  std::vector<MetricId> columns_of(std::span<MetricId const> columns) const;
  // begin(), its minutes in any order, end(): one instance after another.
  void begin(WindowLayout const& layout);
  void take(WindowRow const& row);
  void end();
  // The statistics of the row's window, in its step.
  void fill(WindowRow& row) const;

 private:
  struct Mean {
    double sum = 0, count = 0;
  };
  WindowLayout const& layout_;
  Nanoseconds const window_;
  std::vector<Metric const*> metrics_;
  WindowLayout const* instance_ = nullptr;
  std::map<WallTime, std::vector<Mean>> means_;                  // of the instance, per metric
  std::map<WallTime, std::vector<std::vector<double>>> values_;  // per metric
};

}  // namespace dadvisor::aggregator::rollup
