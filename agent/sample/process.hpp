#pragma once
// The little that has to be known of a process when no runtime tells: which one is a container's
// first, and in which cgroup it is. Source: cgroup.procs, /proc/PID/{fd,cgroup}.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/host/descriptor_count.hpp"
#include "agent/host/kernel_file.hpp"

namespace dadvisor::agent {

// The first process in the cgroup, or in the one below it that runtimes move processes to (/leaf,
// /init, /container). nullopt when there is none, or none in our view.
std::optional<std::int64_t> first_process(CgroupDirectory const& directory, ReadBuffer& buffer);

// File descriptors that the processes of that cgroup, or of that one below it, have open. nullopt
// where those of one may not be counted, and beyond 1,000 processes, which would take too long.
std::optional<std::int64_t> open_descriptors(CgroupDirectory const& directory,
                                             DescriptorCount const& count, ReadBuffer& buffer);

// The path of a process in one hierarchy (`controller` as in /proc/PID/cgroup, "" for the unified
// one), cut after what the runtime was told to be its cgroup (`told`, where it is not empty and
// there), else after the component of its `id`: the id itself, or behind a prefix and a dash, with
// ".scope" or without. nullopt when the process is gone or elsewhere.
std::optional<std::string> process_cgroup(std::string const& proc_root, std::int64_t pid,
                                          std::string_view controller, std::string_view id,
                                          ReadBuffer& buffer, std::string_view told = {});

}  // namespace dadvisor::agent
