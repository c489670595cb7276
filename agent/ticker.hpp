#pragma once
// Calls at each nominal tick, the wall clock's multiples of the step, so that all hosts sample
// together. The wall clock is looked at at least once a second: one that is set forward skips
// ticks, one that is set back makes it go on from where the clock then is. Owned by the loop's
// thread.

#include <cstdint>
#include <functional>

#include "common/core/clock.hpp"
#include "common/http/loop.hpp"

namespace dadvisor::agent {

class Ticker {
 public:
  // From the next tick on. `on_tick` gets the nominal time; it is called again only after it
  // returned, and the ticks that it overran are skipped.
  Ticker(http::Loop& loop, Clock const& clock, Nanoseconds step,
         std::function<void(WallTime)> on_tick);

  // Ticks for which on_tick was not called, since it took too long or the clock jumped.
  std::uint64_t skipped() const { return skipped_; }

 private:
  void arm();
  void look();

  http::Loop& loop_;
  Clock const& clock_;
  Nanoseconds step_;
  std::function<void(WallTime)> on_tick_;
  WallTime next_;
  std::uint64_t skipped_ = 0;
  http::Timer timer_;
};

}  // namespace dadvisor::agent
