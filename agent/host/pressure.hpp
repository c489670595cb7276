#pragma once
// Pressure stall information (PSI): /proc/pressure/* and a cgroup's *.pressure. Only `total` is
// used; a rate made of it is exact over the step, where avg10 lags. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string_view>

namespace dadvisor::agent {

struct Pressure {                    // microseconds lost since boot, or since the cgroup was made
  std::optional<std::int64_t> some;  // at least one task waited
  std::optional<std::int64_t> full;  // all did; cpu has it from kernel 5.13 on
};

// Lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234" and "full ...".
Pressure scan_pressure(std::string_view text);

}  // namespace dadvisor::agent
