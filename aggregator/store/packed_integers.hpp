#pragma once
// Unsigned integers in mini-blocks of 32, each with the bit width that is cheapest for it: what is
// wider than that is patched (an "exception"). Layout: FORMAT.md. After "Patched Frame of
// Reference" (Zukowski et al., ICDE 2006). Pure functions; any thread.

#include <algorithm>
#include <bit>
#include <cstddef>
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
// The same of those of places [first, last) alone: the others are undefined, their mini-blocks are
// passed over, and whether what is behind is malformed is not told.
bool unpack_integers(std::string_view bytes, std::span<std::uint64_t> values, std::size_t first,
                     std::size_t last);

// Whether these bytes are that of `count` zeros, and nothing else.
bool are_zeros(std::string_view bytes, std::size_t count);

// About the bits that pack_integers() takes for these values, at a fraction of its cost: the widest
// of each eight, which is between the mean width and that of a mini-block without patches.
// value_of: std::uint64_t(std::size_t), of the places below `count`.
template <typename ValueOf>
std::uint64_t packed_bits_estimate(std::size_t count, ValueOf const& value_of) {
  constexpr std::size_t together = 8;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; i += together) {
    std::size_t const end = std::min(i + together, count);
    std::uint64_t all = 0;
    for (std::size_t j = i; j < end; ++j) all |= value_of(j);
    bits += (end - i) * static_cast<std::uint64_t>(std::bit_width(all));
  }
  return bits;
}

}  // namespace dadvisor::aggregator::store
