#pragma once
// At which ticks one host delivered, around some ticks that are rolled up again, and whose
// instances are expected at each of these: as HostWindow has it of the ticks that are in memory.
// Not thread-safe.

#include <optional>
#include <span>
#include <vector>

#include "aggregator/store/rows.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::aggregator::rollup {

class Deliveries {
 public:
  // `step`: of the host's rows.
  explicit Deliveries(Nanoseconds step) : step_(step) {}

  Nanoseconds step() const { return step_; }
  // It delivered at these, which ascend; mostly they are known.
  void add(std::span<store::TickNs const> ticks);
  // The last one before `tick`.
  std::optional<WallTime> previous(WallTime tick) const;
  // Of each of `ticks`, which ascend and are the same ones at each call: the tick whose instances
  // are expected then, itself or the last one while it is live; WallTime::min(): none is.
  std::span<WallTime const> expected_from(std::span<WallTime const> ticks);

 private:
  Nanoseconds const step_;
  std::vector<store::TickNs> ticks_;     // ascending
  std::vector<WallTime> expected_from_;  // empty: not made since one came
};

}  // namespace dadvisor::aggregator::rollup
