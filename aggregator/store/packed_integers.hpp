#pragma once
// Unsigned integers in mini-blocks of 32, each with the bit width that is cheapest for it: what is
// wider than that is patched (an "exception"). Layout: FORMAT.md. After "Patched Frame of
// Reference" (Zukowski et al., ICDE 2006). Pure functions; any thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dadvisor::aggregator::store {

inline constexpr std::size_t packed_together = 32;  // values of a mini-block; the last has fewer

// Appends the values to `out`.
void pack_integers(std::span<std::uint64_t const> values, std::string& out);

// Reads values.size() of them from the front of `bytes`, which must hold nothing else. False: they
// are malformed, and the values are undefined.
bool unpack_integers(std::string_view bytes, std::span<std::uint64_t> values);

// About the bits that pack_integers() takes for these values, at a fraction of its cost.
std::uint64_t packed_bits_estimate(std::span<std::uint64_t const> values);

}  // namespace dadvisor::aggregator::store
