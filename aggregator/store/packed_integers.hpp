#pragma once
// Unsigned integers in mini-blocks of 32, each with the bit width that is cheapest for it: what is
// wider than that is patched (an "exception"). Layout: FORMAT.md. After "Patched Frame of
// Reference" (Zukowski et al., ICDE 2006). Pure functions; any thread.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {

inline constexpr std::size_t packed_together = 32;  // values of a mini-block; the last has fewer

// Appends the values to `out`.
void pack_integers(std::span<std::uint64_t const> values, std::string& out);

// Reads values.size() of them from the front of `bytes`, which must hold nothing else. False: they
// are malformed, and the values are undefined.
bool unpack_integers(std::string_view bytes, std::span<std::uint64_t> values);

// Reads them some at a time, as far as they are wanted. Not thread-safe.
class PackedIntegers {
 public:
  // `count` of them stand in the bytes, which must outlive it.
  PackedIntegers(std::string_view bytes, std::size_t count) : reader_(bytes), count_(count) {}
  // The next ones, of as many mini-blocks as there is room for, which must be for one at least; how
  // many they are. 0: all were read, or the bytes are malformed.
  std::size_t next(std::span<std::uint64_t> values);
  // All were read, and the bytes hold nothing else.
  bool ended() const { return count_ == 0 && zeros_ == 0 && reader_.ok() && reader_.left() == 0; }

 private:
  bool next_one(std::span<std::uint64_t> values);

  ByteReader reader_;
  std::size_t count_;        // that were not read yet
  std::uint64_t zeros_ = 0;  // mini-blocks of zeros that come next
};

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
