#pragma once
// Bytes of our files with their CRC-32C behind them. Pure functions; any thread.

#include <string>
#include <string_view>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"

namespace dadvisor::aggregator::store {

inline constexpr std::size_t crc_bytes = 4;

// Appends the CRC of what `bytes` hold from `from` on.
inline void append_crc(std::string& bytes, std::size_t from) {
  auto const crc = crc32c(std::string_view(bytes).substr(from));
  ByteWriter(bytes).u32(crc);
}

// Takes the CRC from behind the bytes; false: it is not theirs.
inline bool take_crc(std::string_view& bytes) {
  if (bytes.size() < crc_bytes) return false;
  auto const crc = ByteReader(bytes.substr(bytes.size() - crc_bytes)).u32();
  bytes.remove_suffix(crc_bytes);
  return crc32c(bytes) == crc;
}

}  // namespace dadvisor::aggregator::store
