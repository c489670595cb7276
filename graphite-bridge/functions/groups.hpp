#pragma once
// The functions of the language by group, one source file a group, each a value: descriptors with
// their implementations. standard_functions() puts them into one table. To add a function, write
// its implementation and descriptor in its group's file; arguments, /functions and help follow.

#include <vector>

#include "graphite-bridge/function.hpp"

namespace dadvisor::graphite::functions {

std::vector<Function> alias_functions();
std::vector<Function> arithmetic_functions();
std::vector<Function> calculate_functions();
std::vector<Function> combine_functions();
std::vector<Function> divide_functions();
std::vector<Function> filter_functions();
std::vector<Function> filter_series_functions();
std::vector<Function> forecast_functions();
std::vector<Function> generated_functions();
std::vector<Function> graph_functions();
std::vector<Function> grouping_functions();
std::vector<Function> hole_functions();
std::vector<Function> legend_functions();
std::vector<Function> percent_functions();
std::vector<Function> percentile_functions();
std::vector<Function> sorting_functions();
std::vector<Function> special_functions();
std::vector<Function> statistics_functions();
std::vector<Function> summarize_functions();
std::vector<Function> time_functions();
std::vector<Function> transform_functions();

}  // namespace dadvisor::graphite::functions
