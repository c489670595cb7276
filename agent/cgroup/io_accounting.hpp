#pragma once
// Whether cgroup v1 counts disk I/O at all: kernels from 6.10 on count nothing for a device until a
// throttle rule was once set on it, in whatever cgroup. Not thread-safe: the buffer's thread.

#include <span>
#include <vector>

#include "agent/cgroup/hierarchies.hpp"
#include "agent/host/block_devices.hpp"
#include "agent/host/kernel_file.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

// Those of the `busy` devices that v1 counts nothing for: they have no line in the hierarchy's
// root, whose recursive file holds everybody's I/O. None where there is no v1 blkio hierarchy, and
// on kernels without the recursive files, which always count.
std::vector<DeviceNumber> uncounted_devices(Hierarchies const& hierarchies,
                                            std::vector<DeviceNumber> const& busy,
                                            ReadBuffer& buffer);

// Has v1 count for these devices, from now on and until the host is booted again, by a rule that
// allows 1 PiB/s, set on an empty cgroup that is made for it and removed again. Errors: denied to
// all but root; unsupported without a v1 blkio hierarchy.
Result<void> start_counting(Hierarchies const& hierarchies, std::span<DeviceNumber const> devices);

}  // namespace dadvisor::agent
