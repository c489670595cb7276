#pragma once
// Which slots of a stream were given, kept over a restart: within one epoch a slot never names two
// lives. A file holds a bound that is raised, in steps, before a batch with a slot beyond it
// leaves the agent. Not thread-safe.

#include <cstdint>
#include <string>

#include "common/core/clock.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

class SlotLedger {
 public:
  // Reads `path`. Where it is missing or damaged although the epoch is old, slots go on from a
  // number that grows with the epoch's age and that no agent gives slots fast enough to reach (16
  // a second on average).
  SlotLedger(std::string path, std::uint64_t epoch, WallTime now);

  // The first slot that this run may give.
  std::uint32_t first() const { return first_; }
  // To be called before slots below `next` leave the agent. When it fails the slots may be used all
  // the same; it is tried again when the next 4096 are used up.
  Result<void> reserve(std::uint32_t next);

 private:
  std::string path_;
  std::uint32_t first_ = 0;
  std::uint32_t bound_ = 0;
};

}  // namespace dadvisor::agent
