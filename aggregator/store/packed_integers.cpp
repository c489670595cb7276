#include "aggregator/store/packed_integers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read and written as they are");

constexpr unsigned widest = 64;
constexpr std::uint8_t patched_flag = 0x80;
constexpr std::uint8_t zero_run = 0x7f;  // in place of a width
constexpr std::size_t most_patched = 8;  // more would not pay
// Of a full mini-block of the greatest width, and what a load of a whole word may touch behind it.
constexpr std::size_t room = packed_together * sizeof(std::uint64_t) + sizeof(std::uint64_t) + 1;

using Scratch = std::array<char, room>;

std::size_t bytes_of(std::size_t values, unsigned width) { return (values * width + 7) / 8; }

std::uint64_t low_bits(unsigned width) {
  return width >= widest ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

// The width at which these values take the fewest bits, and how many are wider.
struct Width {
  unsigned bits = 0;
  std::size_t patched = 0;
};

Width cheapest_width(std::span<std::uint64_t const> values) {
  std::array<std::uint8_t, widest + 1> count{};
  std::uint64_t all = 0;
  for (std::uint64_t const value : values) {
    ++count[static_cast<std::size_t>(std::bit_width(value))];
    all |= value;
  }
  auto const greatest = static_cast<unsigned>(std::bit_width(all));
  Width best{greatest, 0};
  std::size_t best_cost = values.size() * greatest, patched = 0, excess = 0;
  for (unsigned width = greatest; width-- > 0;) {
    patched += count[width + 1];
    if (patched > most_patched) break;
    excess += patched;  // bits that go beyond, over all patched
    // A byte for their number; for each its place and a varint of the rest.
    std::size_t const cost = values.size() * width + 8 + patched * 12 + excess * 8 / 7;
    if (cost < best_cost) best = {width, patched}, best_cost = cost;
  }
  return best;
}

void write_bits(std::span<std::uint64_t const> values, unsigned width, std::string& out) {
  Scratch bits;
  std::uint64_t const mask = low_bits(width);
  std::uint64_t word = 0;  // whole words are stored: loads that overlap the last store would wait
  unsigned filled = 0;
  char* place = bits.data();
  auto const store = [&] {
    std::memcpy(place, &word, sizeof word);
    place += sizeof word;
  };
  for (std::uint64_t const wide : values) {
    std::uint64_t const value = wide & mask;
    word |= value << filled;
    filled += width;
    if (filled < widest) continue;
    store();
    filled -= widest;
    word = filled == 0 ? 0 : value >> (width - filled);
  }
  if (filled > 0) store();
  out.append(bits.data(), bytes_of(values.size(), width));
}

// Sizes that the compiler knows let it unroll and fold the shifts.
template <unsigned width>
void read_bits(char const* bits, std::size_t count, std::uint64_t* values) {
  std::uint64_t const mask = width >= widest ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  auto const read = [&](std::size_t i) {
    std::size_t const at = i * width;
    auto const shift = static_cast<unsigned>(at % 8);
    std::uint64_t word;
    std::memcpy(&word, bits + at / 8, sizeof word);
    word >>= shift;
    if constexpr (width > widest - 7)
      if (shift + width > widest)
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bits[at / 8 + sizeof word]))
                << (widest - shift);
    values[i] = word & mask;
  };
  if (count == packed_together) {
#pragma GCC unroll 32
    for (std::size_t i = 0; i < packed_together; ++i) read(i);
  } else {
    for (std::size_t i = 0; i < count; ++i) read(i);
  }
}

using ReadBits = void (*)(char const*, std::size_t, std::uint64_t*);
template <std::size_t... width>
constexpr std::array<ReadBits, sizeof...(width)> readers(std::index_sequence<width...>) {
  return {read_bits<static_cast<unsigned>(width)>...};
}
constexpr auto read_bits_of = readers(std::make_index_sequence<widest + 1>());

// Those of one mini-block behind its head.
bool unpack_one(ByteReader& reader, std::uint8_t head, std::span<std::uint64_t> values) {
  unsigned const width = head & 0x7f;
  std::size_t const patched = head & patched_flag ? reader.u8() : 0;
  if (width > widest || patched > values.size()) return false;
  auto const left = reader.left();
  auto const packed = reader.raw(bytes_of(values.size(), width));
  if (!reader.ok()) return false;
  if (left >= packed.size() + sizeof(std::uint64_t) + 1) {
    read_bits_of[width](packed.data(), values.size(), values.data());
  } else {
    Scratch bits{};
    std::copy(packed.begin(), packed.end(), bits.begin());
    read_bits_of[width](bits.data(), values.size(), values.data());
  }
  for (std::size_t i = 0; i < patched; ++i) {
    auto const place = reader.u8();
    auto const rest = reader.varint();
    if (place >= values.size() || width >= widest) return false;
    values[place] |= rest << width;
  }
  return reader.ok();
}

}  // namespace

void pack_integers(std::span<std::uint64_t const> values, std::string& out) {
  ByteWriter writer(out);
  auto const is_zero = [](std::uint64_t value) { return value == 0; };
  for (std::size_t first = 0; first < values.size();) {
    auto const block = values.subspan(first, std::min(packed_together, values.size() - first));
    if (std::all_of(block.begin(), block.end(), is_zero)) {
      auto const rest = values.subspan(first);
      auto const end = std::find_if_not(rest.begin(), rest.end(), is_zero);
      auto const zeros = static_cast<std::size_t>(end - rest.begin());
      std::size_t const blocks = zeros == rest.size()
                                     ? (zeros + packed_together - 1) / packed_together
                                     : zeros / packed_together;
      if (blocks > 1) {
        writer.u8(zero_run);
        writer.varint(blocks);
      } else {
        writer.u8(0);
      }
      first += blocks * packed_together;
      continue;
    }
    auto const [width, patched] = cheapest_width(block);
    writer.u8(static_cast<std::uint8_t>(width | (patched > 0 ? patched_flag : 0u)));
    if (patched > 0) writer.u8(static_cast<std::uint8_t>(patched));
    write_bits(block, width, out);
    if (patched > 0)
      for (std::size_t i = 0; i < block.size(); ++i)
        if (auto const rest = block[i] >> width; rest != 0) {
          writer.u8(static_cast<std::uint8_t>(i));
          writer.varint(rest);
        }
    first += packed_together;
  }
}

// The next mini-block, which has so many.
bool PackedIntegers::next_one(std::span<std::uint64_t> values) {
  if (zeros_ == 0) {
    auto const head = reader_.u8();
    if (!reader_.ok()) return false;
    if (head != zero_run) return unpack_one(reader_, head, values);
    zeros_ = reader_.varint((count_ + packed_together - 1) / packed_together);
    if (zeros_ == 0) return false;
  }
  std::ranges::fill(values, 0);
  --zeros_;
  return true;
}

std::size_t PackedIntegers::next(std::span<std::uint64_t> values) {
  std::size_t at = 0;
  while (count_ > 0 && values.size() - at >= std::min(packed_together, count_)) {
    auto const size = std::min(packed_together, count_);
    if (!next_one(values.subspan(at, size))) {
      reader_.fail();
      return 0;
    }
    count_ -= size;
    at += size;
  }
  return at;
}

bool unpack_integers(std::string_view bytes, std::span<std::uint64_t> values) {
  PackedIntegers packed(bytes, values.size());
  bool const all = packed.next(values) == values.size();
  return all && packed.ended();
}

}  // namespace dadvisor::aggregator::store
