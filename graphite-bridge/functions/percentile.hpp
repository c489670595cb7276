#pragma once
// A percentile as Graphite takes it: by rank n/100 * (count + 1), without values in between unless
// they are asked for. Pure, any thread.

#include <span>
#include <vector>

namespace dadvisor::graphite::functions {

// Of the known ones of `values`, 0 < n <= 100; absent when there is none. `room` is for its use,
// so that many calls make no allocations.
double percentile(std::span<double const> values, double n, bool interpolate,
                  std::vector<double>& room);
// Whether n is a percentage that percentile() takes.
inline bool is_percentage(double n) { return n > 0 && n <= 100; }

}  // namespace dadvisor::graphite::functions
