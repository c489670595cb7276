#pragma once
// Graphite's pickle protocol as it comes in: a message of 4 bytes of length (big-endian) and as
// many bytes of a Python pickle of [(path, (timestamp, value)), ...].
//
// Nothing is executed: the pickle is read by a little machine that knows the opcodes of numbers,
// texts, lists and tuples (protocols 0 to 5), and the first other one (GLOBAL, REDUCE, BUILD, ...)
// refuses the message. No opcode makes more than it has bytes, so a message costs memory in
// proportion to its length. Pure; any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/carbon/point_line.hpp"

namespace dadvisor::graphite {

// carbon's PICKLE_RECEIVER_MAX_LENGTH.
inline constexpr std::uint32_t most_pickle_bytes = 1 << 20;
inline constexpr std::size_t pickle_header_bytes = 4;
// The length of the message that begins with these 4 bytes.
std::uint32_t pickle_length(std::string_view header);

struct PickleCounts {
  std::size_t points = 0;  // visited
  std::size_t unfit = 0;   // elements of the list that are no (path, (timestamp, value))
};

// Calls visit for each point, in order; its path is valid during the call. Errc::malformed, before
// any was visited: no pickle, an opcode that is not let through, not a list.
Result<PickleCounts> read_pickled_points(std::string_view pickle,
                                         std::function<void(Point const&)> const& visit);

}  // namespace dadvisor::graphite
