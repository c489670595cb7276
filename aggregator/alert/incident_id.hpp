#pragma once
// The id of an incident: 26 characters like a ULID (48 bits of milliseconds, 80 bits behind, in
// Crockford's base 32), so it sorts by time. The 80 bits are a hash of rule, instance and tick
// instead of randomness: the same data give the same id, also when a tick is evaluated again
// after a crash, and nobody is told twice. Pure.

#include <string>
#include <string_view>

#include "aggregator/alert/state.hpp"

namespace dadvisor::aggregator::alert {

std::string incident_id(std::string_view rule, std::string_view instance, Tick tick);

// FNV-1a, 64 bit, continuing `before`.
std::uint64_t fnv1a(std::string_view bytes, std::uint64_t before = 14695981039346656037ull);

}  // namespace dadvisor::aggregator::alert
