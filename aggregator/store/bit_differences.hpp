#pragma once
// Values by the bits in which each differs from the one before, for doubles that are no whole
// numbers: neighbours have sign, exponent and the first digits in common, and short decimals end in
// zeros. Between these zero bytes at either end some bytes are left. Byte layout: FORMAT.md, "Of
// 4". Any thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {

// How many bits write_bit_differences() takes for these values, not none.
std::uint64_t bit_differences_size(std::span<std::int64_t const> values);
void write_bit_differences(std::span<std::int64_t const> values, ByteWriter& writer);

// Reads them back. The bytes must outlive it.
class BitDifferences {
 public:
  explicit BitDifferences(std::string_view bytes) : rest_(bytes) {}
  // The next ones, as many as there is room for. False: they are malformed, or not as many.
  bool next(std::span<std::int64_t> values);
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  std::uint64_t before_ = 0;
  bool started_ = false;
};

}  // namespace dadvisor::aggregator::store
