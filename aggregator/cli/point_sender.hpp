#pragma once
// Sends the points of day files to an aggregator's admin socket and holds against each other what
// was sent and what it says it has. One thread.

#include <cstdint>
#include <map>
#include <string>

#include "aggregator/cli/ask.hpp"
#include "aggregator/cli/day_files.hpp"

namespace dadvisor::aggregator::cli {

struct Sent {
  std::uint64_t points = 0;                      // that the aggregator took and read back
  double sum = 0;                                // of these
  std::uint64_t values = 0;                      // slots that they fill
  std::uint64_t kept = 0;                        // slots of windows that were more complete already
  std::map<std::string, std::uint64_t> refused;  // points by why
};

// All days that are left; each goes when it is acknowledged. On a fault the complaint and how the
// command ends; what was sent until then stays.
Answer send_days(DayFiles& files, std::string const& socket, bool progress, Sent& sent);

}  // namespace dadvisor::aggregator::cli
