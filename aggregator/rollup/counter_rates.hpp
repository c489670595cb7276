#pragma once
// What the counters of one entity did, row by row, however it is read: for queries and for tiers.
// Rows must be taken by tick ascending. Not thread-safe.

#include <optional>
#include <span>
#include <vector>

#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/store/selected_rows.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/metric/rate.hpp"

namespace dadvisor::aggregator::rollup {

class CounterRates {
 public:
  // `columns`: of the rows, which must outlive it; those that are no counters have no rates.
  // `host`: the entity of the
  // container's host (or absent_entity), whose ticks tell whether a first count is whole.
  CounterRates(HostTicks& host_ticks, store::EntityInfo const& entity, store::EntityId host,
               std::span<MetricId const> columns)
      : CounterRates(host_ticks, entity.entity.key.start_ns, entity.step, host, columns) {}
  CounterRates(HostTicks& host_ticks, std::int64_t start_ns, Nanoseconds step, store::EntityId host,
               std::span<MetricId const> columns)
      : host_ticks_(host_ticks), host_(host), start_ns_(start_ns), step_(step), columns_(columns) {}

  // How long before the first rate rows are needed.
  Nanoseconds reach() const { return longest_hole * step_; }
  void take(WallTime tick, std::span<Cell const> cells);

  // The same of a whole column of the entity's counters at once: rates per second, NaN where there
  // is none. What was taken before plays no part.
  void per_second(std::span<store::TickNs const> ticks, store::SelectedColumn const& column,
                  std::span<double> rates);

  // Of the row taken last, in the stored unit, per column: what came since the reading before;
  // the rate per second; and the rate per step, the increase itself where no step was missed.
  std::optional<double> increase(std::size_t column) const { return steps_[column].increase; }
  std::optional<double> per_second(std::size_t column) const { return steps_[column].per_second; }
  std::optional<double> per_step(std::size_t column) const { return steps_[column].per_step; }

 private:
  struct Step {
    std::optional<double> increase, per_second, per_step;
  };
  std::optional<Reading> first_reading(WallTime tick);
  void begin();  // of rows that are taken one by one

  HostTicks& host_ticks_;
  store::EntityId const host_;
  std::int64_t const start_ns_;
  Nanoseconds const step_;
  std::span<MetricId const> const columns_;
  std::vector<std::size_t> counters_;  // places of the columns that are counters
  std::vector<std::optional<Reading>> last_;
  std::vector<Step> steps_;
};

}  // namespace dadvisor::aggregator::rollup
