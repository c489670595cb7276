#pragma once
// /functions and /functions/NAME without HTTP: what Grafana builds its function menu of. Any
// thread.

#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/function.hpp"
#include "graphite-bridge/parameters.hpp"

namespace dadvisor::graphite {

// All functions as one object by name; `group` keeps one group, `grouped` puts an object by group
// around, `pretty` indents.
Answer list_functions(Parameters const& parameters,
                      FunctionTable const& table = standard_functions());
// One function. Errc::not_found.
Result<Answer> describe_function(std::string_view name, Parameters const& parameters,
                                 FunctionTable const& table = standard_functions());

}  // namespace dadvisor::graphite
