#pragma once
// What one instance contributes to its app at one tick: a number per metric, made of its row and
// of what its counters said before. Values; one thread at a time.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/core/metric/rate.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::rollup {

// The metrics that rows of containers store, by id ascending: the layout of Figures.
std::span<Metric const* const> figure_metrics();
// The place of `metric` in it, or nothing (a host's, a derived or an unknown metric).
std::optional<std::size_t> figure_index(MetricId metric);

// One number per figure_metrics() entry, NaN where there is none. A gauge: its value in the stored
// unit. A counter: its rate in stored units per second. Empty: nothing is known.
using Figures = std::vector<double>;

// The same of many rows of one instance, figure by figure: of each a value a row; empty: it has
// none.
using FigureColumns = std::vector<std::span<double const>>;
// Which tick each of these rows counts for, or none.
inline constexpr std::uint32_t no_place = 0xffffffff;

// Which cells of a schema are figures, and where these stand: made once for many rows.
class FigurePlan {
 public:
  FigurePlan(Schema const& schema);

 private:
  friend class InstanceReadings;
  struct Gauge {
    std::uint16_t cell, figure;
    bool real;
  };
  struct Counter {
    std::uint16_t cell, figure, number;  // among the counters
  };
  std::vector<Gauge> gauges_;
  std::vector<Counter> counters_;
};

// What an instance's counters said last.
class InstanceReadings {
 public:
  // The figures of the instance's row at `tick`, which is then remembered. Rows must be taken by
  // tick ascending. `cells`: all of the plan's schema. start_ns and previous_tick as in
  // reading_before_first().
  Figures take(FigurePlan const& plan, Cells const& cells, WallTime tick, Nanoseconds step,
               std::int64_t start_ns, std::optional<WallTime> previous_tick);
  // Remembers a row that needs no figures; older readings than those known change nothing.
  void remember(FigurePlan const& plan, Cells const& cells, WallTime tick);
  void expect() const;  // a hint that a row is near

 private:
  std::vector<Reading> last_;  // by the counter's number in the layout; tick WallTime::min(): none
};

}  // namespace dadvisor::aggregator::rollup
