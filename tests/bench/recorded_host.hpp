#pragma once
// A host that does what a recorded one did: its figures as they were, on each host the same, under
// names like those of modelled hosts. Behind the recording's last tick it begins anew, with lives
// of their own: counters begin anew there, too.

#include <memory>

#include "tests/bench/workload.hpp"

namespace dadvisor::bench {

// options.recording must be there.
std::unique_ptr<HostFigures> recorded_host(WorkloadOptions const& options, unsigned number);

}  // namespace dadvisor::bench
