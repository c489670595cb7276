#pragma once
// A cgroup's CPU figures. v1: cpuacct.usage, cpuacct.stat, cpu.stat, cpu.cfs_*, cpu.shares,
// cpuset.effective_cpus. v2: cpu.stat, cpu.max, cpu.weight, cpuset.cpus.effective.
//
// Never cpuacct.usage_user / usage_sys: sampled at ticks, they were 47 % off for a light load.
// cpuacct.stat is scaled to the exact total. Not thread-safe.

#include <optional>
#include <string_view>

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/cgroup/cgroup_reading.hpp"

namespace dadvisor::agent {

class CpuFiles {
 public:
  static Result<CpuFiles> open(CgroupDirectories const& directories);

  // Errors: gone.
  Result<void> read(CgroupReading& into, ReadBuffer& buffer);
  // Limit and shares, at the slow pace. Errors: gone.
  Result<void> read_slow(CgroupDirectories const& directories, HostFacts const& host,
                         CgroupReading& into, ReadBuffer& buffer) const;

 private:
  bool unified_ = false;
  KernelFile usage_, split_;  // v1 only
  KernelFile stat_;
};

// v1 cpu.stat: nr_periods, nr_throttled, throttled_time (ns).
void scan_cpu_stat_v1(std::string_view text, CgroupReading& into);
// v2 cpu.stat: us; the throttling lines only where the cpu controller is on.
void scan_cpu_stat_v2(std::string_view text, CgroupReading& into);
// v1 cpuacct.stat: ticks of USER_HZ.
void scan_cpuacct_stat(std::string_view text, CgroupReading& into);
// v2 cpu.max: "50000 100000" -> 0.5 cores; "max 100000" -> nullopt.
std::optional<double> scan_cpu_max(std::string_view text);

}  // namespace dadvisor::agent
