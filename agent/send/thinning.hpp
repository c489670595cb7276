#pragma once
// Which batches of a full spool may go so that one a minute is left: counters are cumulative, so of
// them nothing is lost, and gauges keep a point a minute. Pure.

#include <cstdint>
#include <vector>

#include "common/core/row.hpp"

namespace dadvisor::agent {

// What has to be known of a batch.
struct Outline {
  WallTime tick{};
  std::vector<std::uint32_t> slots;  // that have a row, ascending
  bool tells = false;                // events, or losses: of those there is no other word
};

Outline outline_of(Batch const& batch);

// Whether `one` may go between its neighbours in the spool: it is not its minute's first, and no
// entity has its first or its last row in it.
bool may_go(Outline const& before, Outline const& one, Outline const& behind);

}  // namespace dadvisor::agent
