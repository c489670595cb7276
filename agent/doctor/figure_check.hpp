#pragma once
// Which of the metrics that containers can have this host's containers do not have. Pure.

#include "agent/doctor/finding.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

// `disks_uncounted`: the kernel does not count containers' disk I/O on every disk.
Finding check_figures(Batch const& batch, bool disks_uncounted);

}  // namespace dadvisor::agent
