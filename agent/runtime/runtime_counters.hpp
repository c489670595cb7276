#pragma once
// What the watcher of a runtime counts, since start.

#include <cstdint>

namespace dadvisor::agent {

struct RuntimeCounters {
  std::uint64_t starts = 0;  // lives that began after the first full picture
  std::uint64_t exits = 0;
  std::uint64_t ooms = 0;  // oom events
  std::uint64_t events = 0;
  std::uint64_t duplicate_events = 0;
  std::uint64_t connects = 0;  // full pictures taken: after the first, reconnects
  std::uint64_t failures = 0;  // time-outs, broken connections, answers that are no answer
  std::uint64_t malformed = 0;
  std::uint64_t untold = 0;   // lives that came and went before they could be asked about
  std::uint64_t dropped = 0;  // of what befell containers: more than is kept until it is taken
};

}  // namespace dadvisor::agent
