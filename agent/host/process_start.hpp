#pragma once
// When a process began. Source: /proc/PID/stat, /proc/stat btime. Pure but for these files.

#include <cstdint>
#include <optional>
#include <string>

#include "agent/host/kernel_file.hpp"

namespace dadvisor::agent {

// Wall clock, ns; good to a second, as the kernel tells its boot time in seconds. nullopt: it has
// ended.
std::optional<std::int64_t> process_start_ns(std::string const& proc_root, std::int64_t pid,
                                             ReadBuffer& buffer);

}  // namespace dadvisor::agent
