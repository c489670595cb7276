#pragma once
// Two numbers at a time, as every processor that we run on can (SSE2, NEON): for the loops over
// whole columns that queries are made of. Pure functions; any thread.

#include <bit>
#include <cstdint>
#include <cstring>

namespace dadvisor {

using TwoDoubles = double __attribute__((vector_size(16)));
using TwoIntegers = std::int64_t __attribute__((vector_size(16)));
using TwoWords = std::uint64_t __attribute__((vector_size(16)));

template <typename Two, typename One>
Two two_at(One const* at) {
  Two made;
  static_assert(sizeof made == 2 * sizeof *at);
  std::memcpy(&made, at, sizeof made);
  return made;
}
template <typename Two, typename One>
void put_two(Two const& two, One* at) {
  static_assert(sizeof two == 2 * sizeof *at);
  std::memcpy(at, &two, sizeof two);
}

// Whole numbers in [-2^51, 2^51) as doubles: their bits are the lowest of those of 2^52 + 2^51 and
// them (Warren, Hacker's Delight, 17-2). Others give anything: see beyond_doubles().
inline TwoDoubles doubles_of(TwoIntegers wholes) {
  constexpr double offset = 6'755'399'441'055'744;
  TwoWords const bits = std::bit_cast<TwoWords>(wholes) + std::bit_cast<std::uint64_t>(offset);
  return std::bit_cast<TwoDoubles>(bits) - offset;
}
// 0 for those that doubles_of() can tell.
inline TwoWords beyond_doubles(TwoIntegers wholes) {
  return (std::bit_cast<TwoWords>(wholes) + (std::uint64_t{1} << 51)) >> 52;
}
// 0 where both are.
inline std::uint64_t any_of(TwoWords two) { return two[0] | two[1]; }

}  // namespace dadvisor
