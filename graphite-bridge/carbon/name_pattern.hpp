#pragma once
// A regular expression of one of carbon's files. Python's re there, RE2 here, whose time is linear
// in the name: refused, with the reason, are look-ahead and look-behind, back references and
// possessive or atomic groups; \d and \w mean ASCII. "\Z" is taken for RE2's "\z". Pure.

#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

// Errc::malformed with RE2's reason and the remedy.
Result<Regex> name_pattern(std::string_view pattern);

}  // namespace dadvisor::graphite
