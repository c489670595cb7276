#pragma once
// What graphite-web has as Python's ints: counts, and what is made of them without a division or a
// float. It prints 2 of them, and 2.0 of others, in names, tags and answers. Here a series is
// marked as Series::whole where all of its values are; where only some are, as with transformNull()
// of floats, it is not, and prints all as floats. Pure functions, any thread.

#include <cstddef>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/function.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

// Whether an aggregation (functions/safe.py there) is an int, of ints or of others: a count is. Of
// a median it depends on how many values are `known`.
bool makes_whole(Aggregation aggregation, bool of_whole, std::size_t known);
bool makes_whole(Aggregation aggregation, Series const& series);  // of all of its values
// Whether aggregate_rows() makes nothing but ints.
bool makes_whole_rows(Normalized const& rows, Aggregation aggregation);
// Whether neighbouring ints become ints.
bool keeps_whole(Consolidation consolidation);

// Whether the function marks rightly what it makes: it hands on the mark of series whose ints it
// keeps, and what it makes anew has its own. Of others' series the mark is taken away.
bool tells_whole(Function const& function);

}  // namespace dadvisor::graphite
