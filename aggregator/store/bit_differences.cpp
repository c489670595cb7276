#include "aggregator/store/bit_differences.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace dadvisor::aggregator::store {
namespace {

struct Significant {  // the bytes of a word between its zero bytes at either end
  unsigned skipped = 0, count = 0;
};
Significant significant(std::uint64_t word) {
  if (word == 0) return {};
  auto const low = static_cast<unsigned>(std::countr_zero(word)) / 8;
  auto const high = static_cast<unsigned>(std::countl_zero(word)) / 8;
  return {low, 8 - low - high};
}
std::uint64_t bits_of_difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) ^ static_cast<std::uint64_t>(b);
}

// A difference's shape, and as many bytes as it may have at most.
constexpr std::size_t longest = 1 + sizeof(std::uint64_t);

// The difference at `in`, where the longest one must be readable. Returns how many bytes it takes;
// 0: it is malformed. How many it has cannot be foretold, so nothing branches on that: a word is
// read, and what is too much of it goes.
inline std::size_t read_difference(char const* in, std::uint64_t& difference) {
  constexpr auto kept = [] {
    std::array<std::uint64_t, 9> masks{};
    for (unsigned count = 1; count < masks.size(); ++count)
      masks[count] = ~std::uint64_t{0} >> (64 - 8 * count);
    return masks;
  }();
  auto const shape = static_cast<unsigned char>(*in);
  unsigned const skipped = shape >> 4, count = shape & 15;
  if (skipped + count > 8) return 0;
  std::uint64_t word = 0;
  std::memcpy(&word, in + 1, sizeof word);
  difference = (word & kept[count]) << (8 * (skipped % 8));  // all are skipped only where none is
  return 1 + count;
}

}  // namespace

std::uint64_t bit_differences_size(std::span<std::int64_t const> values) {
  std::uint64_t bytes = 8;
  for (std::size_t i = 1; i < values.size(); ++i)
    bytes += 1 + significant(bits_of_difference(values[i], values[i - 1])).count;
  return 8 * bytes;
}

void write_bit_differences(std::span<std::int64_t const> values, ByteWriter& writer) {
  writer.u64(static_cast<std::uint64_t>(values[0]));
  for (std::size_t i = 1; i < values.size(); ++i) {
    auto word = bits_of_difference(values[i], values[i - 1]);
    auto const [skipped, count] = significant(word);
    writer.u8(static_cast<std::uint8_t>(skipped << 4 | count));
    for (word >>= 8 * (skipped % 8); word != 0; word >>= 8)
      writer.u8(static_cast<std::uint8_t>(word));
  }
}

bool BitDifferences::next(std::span<std::int64_t> values) {
  std::size_t i = 0;
  if (!started_ && !values.empty()) {
    ByteReader reader(rest_);
    before_ = reader.u64();
    if (!reader.ok()) return false;
    rest_.remove_prefix(sizeof before_);
    started_ = true;
    values[i++] = static_cast<std::int64_t>(before_);
  }
  char const* at = rest_.data();
  char const* const end = at + rest_.size();
  std::uint64_t value = before_, difference = 0;
  for (; i < values.size() && end - at >= static_cast<std::ptrdiff_t>(longest); ++i) {
    auto const size = read_difference(at, difference);
    if (size == 0) return false;
    at += size;
    values[i] = static_cast<std::int64_t>(value ^= difference);
  }
  for (; i < values.size(); ++i) {  // those whose word would end behind the column
    std::array<char, longest> few{};
    std::copy(at, end, few.begin());
    auto const size = at == end ? 0 : read_difference(few.data(), difference);
    if (size == 0 || static_cast<std::ptrdiff_t>(size) > end - at) return false;
    at += size;
    values[i] = static_cast<std::int64_t>(value ^= difference);
  }
  before_ = value;
  rest_.remove_prefix(rest_.size() - static_cast<std::size_t>(end - at));
  return true;
}

}  // namespace dadvisor::aggregator::store
