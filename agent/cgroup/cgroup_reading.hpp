#pragma once
// What one container's cgroup says about it at one instant, the same for v1, v2 and hybrid.
// nullopt: this kernel, or this hierarchy, does not tell. Counters run from the cgroup's making.
// Everything includes the cgroups below it.

#include <cstdint>
#include <optional>

namespace dadvisor::agent {

struct CgroupReading {
  using Figure = std::optional<std::int64_t>;

  // CPU. Times in ns. `usage` is exact; `user` and `system` are scaled to it by the kernel.
  Figure cpu_usage, cpu_user, cpu_system;
  Figure cpu_periods, cpu_throttled, cpu_throttled_time;
  std::optional<double> cpu_limit;  // cores: the tightest quota up the tree, at most the cpuset;
                                    // absent when neither is less than the host's CPUs
  Figure cpu_shares;                // v1 shares (1024 = normal), v2 weight (100 = normal)
  Figure cpu_pressure_some;         // us

  // Memory, bytes.
  Figure mem_usage;        // all that is charged: page cache and kernel memory too
  Figure mem_working_set;  // usage less the inactive file cache: what the OOM killer looks at
  Figure mem_rss;          // anonymous; shared memory is in `cache`, never here
  Figure mem_cache;        // page cache, shared memory in it
  Figure mem_shmem, mem_mapped, mem_swap, mem_kernel, mem_dirty;
  Figure mem_peak;
  Figure mem_limit;       // the tightest up the tree; absent at or above the host's memory
  Figure mem_limit_hits;  // v1 failcnt, v2 events max; says nothing of OOM kills
  Figure mem_oom_kills, mem_faults, mem_major_faults;
  Figure mem_pressure_some, mem_pressure_full;  // us

  // Disk. v1 charges buffered writes to the root cgroup: there they are in no container's figure.
  Figure io_read_bytes, io_write_bytes, io_reads, io_writes;
  Figure io_pressure_some;      // us
  bool io_unaccounted = false;  // v1: the kernel does not count here; the figures are absent
  bool io_new_device = false;   // a device was named that BlockDevices does not know yet

  Figure pids_current;  // tasks: threads count
  Figure pids_limit;    // absent when unlimited
  Figure pids_failed;   // forks refused by the limit
  Figure processes;     // in the cgroup itself
};

// What a reading needs to know of the host.
class BlockDevices;
struct HostFacts {
  std::int64_t mem_total = 0;  // bytes
  std::int64_t cpus = 0;       // online
  BlockDevices const* devices = nullptr;
  // v1: whether every busy disk has lines in the root cgroup, so that no line means no I/O.
  bool io_accounted = true;
};

}  // namespace dadvisor::agent
