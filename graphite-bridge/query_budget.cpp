#include "graphite-bridge/query_budget.hpp"

#include <utility>

#include "common/core/config/value.hpp"

namespace dadvisor::graphite {

QueryBudget::QueryBudget(QueryLimits const& limits, Clock const& clock, Seams seams)
    : limits_(limits),
      clock_(clock),
      seams_(std::move(seams)),
      until_(clock.monotonic() + limits.time) {}

Result<void> QueryBudget::refuse(char const* limit, std::string context) {
  if (!refusal_) refusal_ = Error{Errc::too_large, 0, std::move(context), limit};
  return *refusal_;
}

Error QueryBudget::too_many_series() {
  return refuse(query_limit::series, "more than " + std::to_string(limits_.series) +
                                         " series: narrow the pattern, or raise "
                                         "query_limits.series")
      .error();
}

Result<void> QueryBudget::charge(std::size_t series, std::size_t points) {
  if (refusal_) return *refusal_;
  if (series > limits_.series - series_) return too_many_series();
  series_ += series;
  if (points > limits_.points - points_)
    return refuse(query_limit::points,
                  "more than " + std::to_string(limits_.points) +
                      " points: ask for a shorter time or fewer series, or raise "
                      "query_limits.points");
  points_ += points;
  return room_for(points * sizeof(double));
}

Result<void> QueryBudget::room_for(std::size_t more) {
  if (refusal_) return *refusal_;
  if (held_ <= limits_.memory && more <= limits_.memory - held_) return {};
  return refuse(query_limit::memory,
                "more than " + std::to_string(limits_.memory >> 20) +
                    " MiB of memory: ask for a shorter time, fewer series or maxDataPoints, or "
                    "raise query_limits.memory_mb");
}

Result<void> QueryBudget::go_on() {
  if (refusal_) return *refusal_;
  steps_ = 0;
  if (seams_.abandoned && seams_.abandoned()) {
    abandoned_ = true;
    refusal_ = Error{Errc::gone, 0, "nobody waits for the answer"};
    return *refusal_;
  }
  if (seams_.pause && undivided_ == 0) until_ += seams_.pause();
  if (clock_.monotonic() < until_) return {};
  return refuse(query_limit::time,
                "more than " + config::duration_text(limits_.time) +
                    " of work: ask for a shorter time or fewer series, or raise query_limits.time");
}

bool QueryBudget::looked() { return go_on().has_value(); }

}  // namespace dadvisor::graphite
