#pragma once
// What the counters of one entity did, column by column: for queries and for tiers. Not
// thread-safe.

#include <optional>
#include <span>

#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/store/selected_rows.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/metric/rate.hpp"

namespace dadvisor::aggregator::rollup {

class CounterRates {
 public:
  // `host`: the entity of the container's host (or absent_entity), whose ticks tell whether a first
  // count is whole.
  CounterRates(HostTicks& host_ticks, std::int64_t start_ns, Nanoseconds step, store::EntityId host)
      : host_ticks_(host_ticks), host_(host), start_ns_(start_ns), step_(step) {}

  // How long before the first rate rows are needed.
  Nanoseconds reach() const { return longest_hole * step_; }
  // What stands in for the reading before a counter's first one, which is at `tick`.
  std::optional<Reading> first_reading(WallTime tick);
  // Of a column of counters, whose rows' ticks ascend: rates per second in the stored unit, NaN
  // where there is none.
  void per_second(store::SelectedTicks const& ticks, store::SelectedColumn const& column,
                  std::span<double> rates);

 private:
  HostTicks& host_ticks_;
  store::EntityId const host_;
  std::int64_t const start_ns_;
  Nanoseconds const step_;
};

}  // namespace dadvisor::aggregator::rollup
