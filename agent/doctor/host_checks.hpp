#pragma once
// What the host gives the agent to read, each check with a finding of its own. Synchronous; no
// check changes anything.

#include <cstdint>
#include <string>

#include "agent/cgroup/hierarchies.hpp"
#include "agent/doctor/finding.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

// Which of the controllers that figures come from are where.
Finding check_cgroups(Result<Hierarchies> const& hierarchies);
// Pressure stall information of the host, without which that of containers is not there either.
Finding check_pressure(std::string const& proc_root);
// Whether other users' processes are to be seen: their network figures are in /proc/PID.
Finding check_proc(std::string const& proc_root);
// Kept files need descriptors.
Finding check_descriptors(std::size_t containers);
// Without inotify new containers are found at the pace of the walk, a minute.
Finding check_inotify();
// Whether the kernel takes its clock for set by somebody (adjtimex(2)).
Finding check_clock();
// The spool's file system has room for the spool.
Finding check_spool(std::string const& directory, std::uint64_t spool_bytes);

}  // namespace dadvisor::agent
