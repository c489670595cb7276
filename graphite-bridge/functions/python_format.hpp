#pragma once
// Python's "text with %.2f" % number, for names that dashboards bring along. Pure, any thread.

#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::graphite::functions {

// One conversion (d i u f F e E g G s r, with flags, width and precision) and any number of %%.
// `whole`: the number is Python's int, which %s shows without ".0".
// Errc::malformed: another conversion, none or more than one, a width or precision beyond 99.
Result<std::string> python_format(std::string_view text, double value, bool whole = false);

}  // namespace dadvisor::graphite::functions
