#pragma once
// One literal of a target: what stands between the commas where no series does.

#include <cstdint>
#include <string>
#include <variant>

namespace dadvisor::graphite {

// none, true/false, an integer, a real (inf too), a text between quotes. Integers and reals stay
// apart because Graphite prints them differently: 5 and 5.0.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

inline bool is_none(Value const& value) { return std::holds_alternative<std::monostate>(value); }
// As Python's str() shows it: "None", "True", "5", "5.0", the text itself.
std::string to_text(Value const& value);

}  // namespace dadvisor::graphite
