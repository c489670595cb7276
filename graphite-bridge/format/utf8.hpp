#pragma once
// Names may be of any bytes; what a client reads as text must be UTF-8 (RFC 3629). Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace dadvisor::graphite {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // of the text, that it takes
};

// The character that `text`, which must not be empty, begins with; U+FFFD for one byte that begins
// none.
CodePoint first_code_point(std::string_view text);
// The text with U+FFFD for each byte that begins no character.
std::string valid_utf8(std::string_view text);

}  // namespace dadvisor::graphite
