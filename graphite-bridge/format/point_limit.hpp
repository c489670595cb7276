#pragma once
// Fewer points for a graph of some width (maxDataPoints of /render). Pure, any thread.

#include <cstddef>

#include "graphite-bridge/function.hpp"

namespace dadvisor::graphite {

// By each series' own consolidation. The range over all series decides; groups begin at multiples
// of the new step so that a graph does not flicker when it moves, and what comes before the first
// group is lost (graphite-web: renderViewJson).
void limit_points(SeriesList& series, std::size_t max_data_points);

}  // namespace dadvisor::graphite
