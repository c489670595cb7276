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

// The metrics whose order statistics stand in rows of this layout, each once.
std::vector<Metric const*> ordered_metrics(WindowLayout const& layout);

// Collects the instances' means over the windows of a tier and fills them into the rows of
// an app or a cluster. A mean takes 8 bytes, and a cluster has many: where they would be more than
// what is due to so many instances, only the first metrics are collected, of one metric the first
// windows, and the rest needs another one.
class OrderStatistics {
 public:
  // What is given up where there are too many means; of one window it is metrics in any case. Who
  // gets fewer metrics than he asked for asks for the others anew, over all windows.
  enum class Spare { metrics_then_windows, windows };

  // `layout`: of those rows; `metrics`: of ordered_metrics(layout). Windows begin up to `last`.
  OrderStatistics(WindowLayout const& layout, std::span<Metric const* const> metrics,
                  Nanoseconds window, WallTime last = WallTime::max(),
                  Spare spare = Spare::metrics_then_windows, std::size_t least_bytes = 8 << 20);
  // So many of the metrics are collected. They become fewer in end(), never none.
  std::size_t metrics() const { return metrics_.size(); }
  // Windows up to this one are collected. It comes nearer in end(), never before the first.
  WallTime last() const { return last_; }
  // Those of an instance's columns that are needed, ascending.
  std::vector<MetricId> columns_of(std::span<MetricId const> columns) const;
  // begin(), its minutes in any order, end(): one instance after another.
  void begin(WindowLayout const& layout);
  // What begins behind last() is left out.
  void take(WindowRow const& row);
  void end();
  // The statistics of the row's window, in its step.
  void fill(WindowRow& row) const;

 private:
  struct Mean {
    double sum = 0, count = 0;
  };
  void give_up_some();
  void give_up_metrics();
  void give_up_windows();

  WindowLayout const& layout_;
  std::vector<Metric const*> metrics_;
  Nanoseconds const window_;
  WallTime last_;
  Spare const spare_;
  std::size_t const least_bytes_;
  std::size_t instances_ = 0, means_kept_ = 0;  // those in values_
  WindowLayout const* instance_ = nullptr;
  std::map<WallTime, std::vector<Mean>> means_;                  // of the instance, per metric
  std::map<WallTime, std::vector<std::vector<double>>> values_;  // per metric
};

}  // namespace dadvisor::aggregator::rollup
