#pragma once
// A cgroup's tasks: pids.current, pids.max, pids.events, cgroup.procs; the same on v1 and v2.
// Not thread-safe.

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/cgroup/cgroup_reading.hpp"

namespace dadvisor::agent {

class PidsFiles {
 public:
  static Result<PidsFiles> open(CgroupDirectories const& directories);
  // Errors: gone.
  Result<void> read(CgroupReading& into, ReadBuffer& buffer);
  // Limit and number of processes, at the slow pace. Errors: gone.
  Result<void> read_slow(CgroupDirectories const& directories, CgroupReading& into,
                         ReadBuffer& buffer) const;

 private:
  KernelFile current_, events_;
};

}  // namespace dadvisor::agent
