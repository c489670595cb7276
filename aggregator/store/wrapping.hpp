#pragma once
// Sums and differences of stored values, which wrap at 64 bits: what comes off a disk may be
// anything. Pure functions; any thread.

#include <cstdint>

namespace dadvisor::aggregator::store {

inline std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
inline std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace dadvisor::aggregator::store
