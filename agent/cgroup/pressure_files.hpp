#pragma once
// A cgroup's pressure (PSI): {cpu,memory,io}.pressure of the unified tree, which a hybrid host has
// beside its v1 controllers. Absent without PSI in the kernel or with psi=0. Not thread-safe.

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/cgroup/cgroup_reading.hpp"

namespace dadvisor::agent {

class PressureFiles {
 public:
  static Result<PressureFiles> open(CgroupDirectories const& directories);
  // Errors: gone.
  Result<void> read(CgroupReading& into, ReadBuffer& buffer);

 private:
  KernelFile cpu_, memory_, io_;
};

}  // namespace dadvisor::agent
