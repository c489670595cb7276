#pragma once
// Reads one container's cgroup, tick by tick, whatever the hierarchy: v1, v2 or both.
//
// Files are kept open from the first reading on (13 to 15 on v1, 11 on v2), and the directories
// that they are in (up to 7 and 1), so a reading costs one pread a file and allocates nothing. They
// belong to the cgroup that was opened: when it is removed reads say Errc::gone, even if another of
// the same name stands there by now (a restarted container); open a new reader then. Not
// thread-safe; the sampler's thread owns it.

#include <optional>
#include <string>

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/cgroup/cgroup_reading.hpp"
#include "agent/cgroup/cpu_files.hpp"
#include "agent/cgroup/io_files.hpp"
#include "agent/cgroup/memory_files.hpp"
#include "agent/cgroup/pids_files.hpp"
#include "agent/cgroup/pressure_files.hpp"

namespace dadvisor::agent {

class CgroupReader {
 public:
  // `path` as in /proc/PID/cgroup ("/docker/ID"). Errors: not_found; unavailable when there are no
  // file descriptors left.
  static Result<CgroupReader> open(Hierarchies const& hierarchies, std::string const& path);

  // `slow`: also reads what changes rarely (limits, shares, peak, processes); in between their
  // last values stand. The first reading must be slow. Errors: gone.
  Result<CgroupReading> read(HostFacts const& host, bool slow, ReadBuffer& buffer);

  // What can still be read of a cgroup that may be removed in this very moment: its CPU time first,
  // and its peak of memory; of the rest whatever its removal left. Never an error.
  CgroupReading read_last(HostFacts const& host, ReadBuffer& buffer);

  // Its CPU time in ns, by itself; nothing when it is gone or not told.
  std::optional<std::int64_t> cpu_usage(ReadBuffer& buffer);

  // The life that is read: the inode of the cgroup's directory.
  std::uint64_t inode() const { return directories_.main().inode; }
  CgroupDirectories const& directories() const { return directories_; }

 private:
  CgroupReader() = default;
  Result<void> open_files();
  Result<void> read_files(HostFacts const& host, bool slow, CgroupReading& into,
                          ReadBuffer& buffer);

  CgroupDirectories directories_;
  CpuFiles cpu_;
  MemoryFiles memory_;
  IoFiles io_;
  PidsFiles pids_;
  PressureFiles pressure_;
  CgroupReading slow_;  // what the last slow reading found
};

}  // namespace dadvisor::agent
