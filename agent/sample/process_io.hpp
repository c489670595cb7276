#pragma once
// What the processes of a container read from and wrote to storage by their own account, where its
// cgroup does not tell. Source: /proc/PID/io read_bytes, write_bytes (proc(5)), which only root may
// read, or who has CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.
//
// A process's account has in it those of its ended threads and of the children that it waited for.
// So what a container did is whole but for processes that somebody outside waited for (docker
// exec), which take theirs away with them. Writes count when they make a page dirty, so buffered
// ones do.

#include <cstdint>
#include <optional>
#include <string>

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/host/kernel_file.hpp"

namespace dadvisor::agent {

struct ProcessIo {
  std::int64_t read_bytes = 0;
  std::int64_t write_bytes = 0;
};

// The sums over the processes in the cgroup and those below it; they fall when a process ends that
// nobody in it waited for. nullopt where there is no process or no account, one may not be read or
// is out of view, or there are more than 1,000, which would take too long at each tick.
std::optional<ProcessIo> process_io(CgroupDirectory const& directory, std::string const& proc_root,
                                    ReadBuffer& buffer);

}  // namespace dadvisor::agent
