#pragma once
// A cgroup's memory figures. v1: memory.{stat,usage_in_bytes,failcnt,oom_control,...}, always the
// total_ lines (the plain ones leave out child cgroups). v2: memory.{stat,current,events,...}.
//
// v1 swap is total_swap: memsw less usage can be negative. failcnt is no sign of OOM kills.
// Not thread-safe.

#include <string_view>

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/cgroup/cgroup_reading.hpp"

namespace dadvisor::agent {

class MemoryFiles {
 public:
  static Result<MemoryFiles> open(CgroupDirectories const& directories);

  // With the limit as the last read_slow found it. Errors: gone.
  Result<void> read(HostFacts const& host, CgroupReading& into, ReadBuffer& buffer);
  // Limits up the tree, kept for `read`, and the peak. Errors: gone.
  Result<void> read_slow(CgroupDirectories const& directories, CgroupReading& into,
                         ReadBuffer& buffer);

 private:
  bool unified_ = false;
  KernelFile stat_, usage_, hits_, oom_, kernel_, swap_;
  std::int64_t own_limit_ = 0;  // as last read at the slow pace
};

// What of memory.stat is not a figure itself.
struct MemoryStat {
  std::optional<std::int64_t> inactive_file;
  std::optional<std::int64_t> hierarchical_limit;  // v1
};
MemoryStat scan_memory_stat_v1(std::string_view text, CgroupReading& into);
MemoryStat scan_memory_stat_v2(std::string_view text, CgroupReading& into);

}  // namespace dadvisor::agent
