#pragma once
// Targets of targets.hpp: the kernel's files that the agent reads.

#include <string_view>

namespace dadvisor::fuzz {

void take_cgroup(std::string_view bytes);     // a container's files, of v1 and v2
void take_proc(std::string_view bytes);       // the host's and a process's
void take_mountinfo(std::string_view bytes);  // mounts, and paths of cgroups

}  // namespace dadvisor::fuzz
