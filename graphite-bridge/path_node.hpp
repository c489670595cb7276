#pragma once
// Names from the outside (an app, a host, a container) as one node of a Graphite path. Whatever
// goes in, what comes out is 1 to 64 bytes of [A-Za-z0-9_-]: no dot, no wildcard, nothing that a
// target, a carbon line or a file name could stumble over. Pure, any thread.
//
// The raw name is not recoverable in general: keep it beside (as a label).

#include <cstddef>
#include <string>
#include <string_view>

namespace dadvisor::graphite {

inline constexpr std::size_t max_node_bytes = 64;

// Bytes outside [A-Za-z0-9_-] become "_". When that or the limit lost something, "-" and six hex
// digits of a hash of the raw name follow, so that different names stay different. Empty:
// "unknown".
std::string encode_node(std::string_view raw);

// A Marathon app id: the first "/" goes, "/" becomes "_", "." becomes "__". One-to-one, as
// Marathon's ids have no "_" (its PathId: lower case letters, digits, dots and hyphens). What is
// no such id (another byte in it, or too long) is closed by a hash as in encode_node.
std::string encode_marathon_id(std::string_view id);

}  // namespace dadvisor::graphite
