#pragma once
// One literal against the type of the parameter that it is for (functions/params.py).

#include <string>

#include "common/core/result.hpp"
#include "graphite-bridge/function.hpp"

namespace dadvisor::graphite {

// `given` as the type that function.hpp promises. Errc::malformed says what was expected.
Result<Value> fit_argument(Value const& given, Parameter const& parameter,
                           FunctionTable const& table);

}  // namespace dadvisor::graphite
