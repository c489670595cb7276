#pragma once
// When a tick may be looked at: as soon as every live agent has delivered it, at the latest two
// seconds after it; and when it is closed. Ticks go on while nobody delivers, so that silence can
// be noticed. No I/O, no clock of its own; one thread.

#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/core/clock.hpp"

namespace dadvisor::aggregator::rollup {

struct ReadinessOptions {
  Nanoseconds grace = std::chrono::seconds(2);           // ready at the latest this long after it
  Nanoseconds close_after = std::chrono::seconds(120);   // closed this long after it
  Nanoseconds restart_wait = std::chrono::seconds(30);   // for the streams known at the restart
  Nanoseconds longest_absence = std::chrono::hours(24);  // ticks missed longer ago are left out
  Nanoseconds default_step = std::chrono::seconds(10);   // until an agent said one
};

struct ReadyTick {
  WallTime tick{};
  Nanoseconds step{};
  std::size_t live = 0;     // agents that were due at it
  std::size_t missing = 0;  // of them, those that had not delivered it
};

class Readiness {
 public:
  // `known`: agents whose streams the store holds: nothing is ready before each has spoken or
  // restart_wait passed. `resume_after`: the last tick reported before the restart; those since
  // are reported, in order. Without it the first is the first tick after `now`.
  Readiness(ReadinessOptions options, std::set<std::string> known,
            std::optional<WallTime> resume_after, WallTime now);

  // An agent delivered a tick (of either lane).
  void delivered(std::string const& agent, WallTime tick, Nanoseconds step);
  // Ticks that became ready, by time ascending, each once.
  std::vector<ReadyTick> poll(WallTime now);
  // Ticks reported ready that have closed since, by time ascending, each once.
  std::vector<WallTime> poll_closed(WallTime now);
  // False after a restart, while streams are waited for: no-data clocks stand still.
  bool settled(WallTime now);

 private:
  struct Agent {
    WallTime last_tick{};
    Nanoseconds step{};
  };
  Nanoseconds step_at(WallTime tick) const;
  ReadyTick look_at(WallTime tick) const;

  ReadinessOptions options_;
  std::set<std::string> awaited_;
  WallTime started_;
  WallTime last_;  // the last tick reported, or before the first one
  std::unordered_map<std::string, Agent> agents_;
  Nanoseconds last_step_;
  std::deque<WallTime> open_;
};

}  // namespace dadvisor::aggregator::rollup
