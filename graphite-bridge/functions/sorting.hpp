#pragma once
// How series are put in order and cut short, shared by the functions that do.

#include <cstdint>
#include <span>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/function.hpp"

namespace dadvisor::graphite::functions {

// By an aggregation of each series' values; a series without one counts as least. Ties keep
// their order, downwards too.
void sort_by_value(SeriesList& series, Aggregation aggregation, bool greatest_first);
// The same by a value for each; an absent one counts as least.
void sort_by_values(SeriesList& series, std::span<double const> values, bool greatest_first);
// Python's series[:count]: a negative count leaves out the last ones.
void keep_first(SeriesList& series, std::int64_t count);

}  // namespace dadvisor::graphite::functions
