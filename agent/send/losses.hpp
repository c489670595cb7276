#pragma once
// Ticks that were dropped unsent and that no batch has told of yet. Not thread-safe.

#include <vector>

#include "common/core/clock.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

class Losses {
 public:
  // Joined to one that is there where both have one reason and lie within two steps of each other,
  // so that an hour is one. Beyond what a frame takes the one that lies nearest is widened, of
  // whichever reason, and never is the sum of batches less than what was lost.
  void add(Loss const& loss, Nanoseconds step);
  bool empty() const { return losses_.empty(); }
  // All of them, by first tick; they are here no more.
  std::vector<Loss> take();

 private:
  std::vector<Loss> losses_;
};

}  // namespace dadvisor::agent
