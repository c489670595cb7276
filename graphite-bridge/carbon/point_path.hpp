#pragma once
// The names of points that others send: which are taken, and under what name. Pure; any thread.
//
// Tagged ones, "name;tag=value;..." and "name{tag="value",...}", get one form as carbon gives them
// (util.py, TaggedSeries): tags sorted, the last of a tag's values counts. Carbon takes nearly any
// bytes and makes files of them; what would be another's name there ("a..b", "/a"), cannot be
// shown or is without end is refused here.

#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::graphite {

// What a name may be at most, tags and all.
namespace path_limit {
inline constexpr std::size_t path_bytes = 1024;
inline constexpr std::size_t node_bytes = 200;  // of a path without tags
inline constexpr std::size_t nodes = 32;
inline constexpr std::size_t tagged_name_bytes = 200;
}  // namespace path_limit

// Errc::too_large: over a limit; malformed: else. Contexts name the fault, not the path.
Result<std::string> canonical_path(std::string_view sent);

// Where a canonical path's points are kept: "a.b.c" is the leaf "c" of "a.b", "c" of "" and
// "name;tag=value" the leaf "name" of ";tag=value".
struct PathParts {
  std::string_view parent, leaf;
};
PathParts split_path(std::string_view canonical);
// And back.
std::string join_path(std::string_view parent, std::string_view leaf);

// Whether it is UTF-8 without control characters.
bool is_printable_utf8(std::string_view text);

}  // namespace dadvisor::graphite
