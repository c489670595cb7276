#include "common/core/frame/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace dadvisor {
namespace {

// tables[k][b]: the CRC of byte b followed by k zero bytes; eight of them take eight bytes at once.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}
constexpr Tables tables = make_tables();

#if defined(__x86_64__)
// The instruction takes three cycles and can begin anew with each: three lanes of bytes at once. A
// lane's CRC goes behind the next one's bytes as if they were zeros, which is linear in its bits.
constexpr std::size_t crc_lane = 256;
using Shift = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr Shift make_shift() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < of_bit.size(); ++bit) {
    std::uint32_t crc = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < crc_lane; ++i) crc = (crc >> 8) ^ tables[0][crc & 0xff];
    of_bit[bit] = crc;
  }
  Shift made{};
  for (std::size_t place = 0; place < 4; ++place)
    for (std::size_t byte = 0; byte < 256; ++byte)
      for (std::size_t bit = 0; bit < 8; ++bit)
        if ((byte >> bit) & 1) made[place][byte] ^= of_bit[8 * place + bit];
  return made;
}
constexpr Shift crc_shift = make_shift();

std::uint32_t behind_lane(std::uint64_t crc) {
  return crc_shift[0][crc & 0xff] ^ crc_shift[1][(crc >> 8) & 0xff] ^
         crc_shift[2][(crc >> 16) & 0xff] ^ crc_shift[3][(crc >> 24) & 0xff];
}

std::uint64_t word_at(char const* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view bytes,
                                                                      std::uint32_t before) {
  std::uint64_t crc = ~before;
  char const* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * crc_lane; at += 3 * crc_lane, left -= 3 * crc_lane) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t i = 0; i < crc_lane; i += 8) {
      crc = _mm_crc32_u64(crc, word_at(at + i));
      second = _mm_crc32_u64(second, word_at(at + crc_lane + i));
      third = _mm_crc32_u64(third, word_at(at + 2 * crc_lane + i));
    }
    crc = behind_lane(behind_lane(crc) ^ second) ^ third;
  }
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, word_at(at));
  auto crc32 = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left) crc32 = _mm_crc32_u8(crc32, static_cast<unsigned char>(*at));
  return ~crc32;
}
#endif

}  // namespace

std::uint32_t crc32c_by_tables(std::string_view bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  auto const byte_at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint32_t next = 0;
    for (std::size_t k = 0; k < 4; ++k)
      next ^= tables[7 - k][byte_at(i + k) ^ ((crc >> (8 * k)) & 0xff)];
    for (std::size_t k = 4; k < 8; ++k) next ^= tables[7 - k][byte_at(i + k)];
    crc = next;
  }
  for (; i < bytes.size(); ++i) crc = (crc >> 8) ^ tables[0][(crc ^ byte_at(i)) & 0xff];
  return ~crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
#if defined(__x86_64__)
  static bool const has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return crc32c_by_instruction(bytes, before);
#endif
  return crc32c_by_tables(bytes, before);
}

}  // namespace dadvisor
