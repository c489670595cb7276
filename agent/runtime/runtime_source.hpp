#pragma once
// Whoever tells which containers the runtimes of this host have: their watchers in this process, or
// another process that has them. One loop's thread.

#include <vector>

#include "agent/runtime/container.hpp"
#include "agent/runtime/runtime_event.hpp"
#include "agent/runtime/runtime_report.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::agent {

class RuntimeSource {
 public:
  virtual ~RuntimeSource() = default;

  // Those that run, and for a minute those that ended. As it was last known where nobody answers.
  virtual std::vector<Container> snapshot() = 0;
  // What befell containers since the last call, in the order of its coming; bounded, what goes
  // beyond is counted (RuntimeCounters::dropped, RuntimeReport::dropped).
  virtual std::vector<RuntimeEvent> take_events() = 0;
  // Lives that whoever takes events knows to have ended while nobody here watched: as they were
  // told last, which may have been some seconds before `seen`. How each ended comes among the
  // events, also where nobody knows more than that it did.
  virtual void missed(std::vector<Container> lives, WallTime seen) = 0;
  // All that take_events() gave so far is where it will not be lost: need not be told again.
  virtual void events_kept() = 0;
  virtual RuntimeReport report() const = 0;
  // Whether a first picture was taken or a first attempt failed: there is nothing to wait for.
  virtual bool settled() const = 0;
};

}  // namespace dadvisor::agent
