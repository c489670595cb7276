#pragma once
// An aggregation over each window of neighbouring values, as the moving functions show it, without
// going through every window anew. Pure, any thread.

#include <cstddef>
#include <span>
#include <vector>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite::functions {

// Value i is that of values[i] ... values[i + width - 1], absent ones left out; absent where too
// few of them are known. The last window is the one before the last value, so there are
// values.size() - width results, none when `width` is more. O(n); O(n log n) for the median.
// Windows of up to ten values are added from their first value on, as by graphite-web, and so
// rounded as there; wider ones in another order.
// No value is ever taken off a running sum, so a huge one leaves no trace behind it. Where a budget
// ends it leaves off: whoever gives it one asks it afterwards.
std::vector<double> aggregate_windows(std::span<double const> values, std::size_t width,
                                      Aggregation aggregation, double x_files_factor,
                                      QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite::functions
