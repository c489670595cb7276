#pragma once
// How functions name and tag what they make, shared by the groups.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/series.hpp"
#include "graphite-bridge/value.hpp"

namespace dadvisor::graphite::functions {

// The nodes or tags of a series joined by dots, as aliasByNode shows and groupByNode groups. A
// name that ends with ")" is taken for a call, and the first path in it counts. A node or tag
// that it has not is "". Values must be integers (negative: from the end) or texts.
std::string node_key(Series const& series, std::span<Value const> nodes);

// A series that a function makes anew: consolidated by average, tagged with its own name.
Series made_series(std::string name, std::int64_t start, std::int64_t end, std::int64_t step,
                   std::vector<double> values, double x_files_factor);

// `series` under a new name, which is also its path expression from now on.
void rename_expression(Series& series, std::string name);
// The same as function(NAME more): "scale" and ",2" give scale(NAME,2).
void rename_call(Series& series, std::string_view function, std::string_view more = {});

// constantLine(value): three points, both ends of the call's window and its middle. `whole`: the
// value is Python's int, and shown so.
Series constant_line(Call const& call, double value, bool whole = false);

}  // namespace dadvisor::graphite::functions
