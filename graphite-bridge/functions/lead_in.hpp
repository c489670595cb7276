#pragma once
// How far back a function may read before the window.

#include <cstdint>

namespace dadvisor::graphite::functions {

// Seconds. A hundred years of lead-in are asked for by mistake only.
inline constexpr std::int64_t max_lead_in = 100LL * 365 * 86400;

}  // namespace dadvisor::graphite::functions
