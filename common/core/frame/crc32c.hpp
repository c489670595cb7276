#pragma once
// CRC-32C (Castagnoli; RFC 3720 appendix B.4): what guards frames, the spool and the log.
// By the processor's instruction where it has one (SSE 4.2), else by tables. Any thread.

#include <cstdint>
#include <string_view>

namespace dadvisor {

// Of `bytes`, continuing `before` (the CRC of what stands in front of them).
// crc32c("123456789") == 0xE3069283.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// The same by tables alone, whatever the processor: for its test.
std::uint32_t crc32c_by_tables(std::string_view bytes, std::uint32_t before = 0);

}  // namespace dadvisor
