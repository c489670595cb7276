#pragma once
// Many series into one, shared by the functions that combine.

#include <string_view>

#include "graphite-bridge/function.hpp"

namespace dadvisor::graphite::functions {

// One series of all, named after the function and the path expressions, with the tags that all
// have in common. `function` is the name of an aggregation. Nothing in, nothing out.
SeriesList combine(SeriesList const& series, std::string_view function, double x_files_factor);

}  // namespace dadvisor::graphite::functions
