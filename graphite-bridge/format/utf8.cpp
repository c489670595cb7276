#include "graphite-bridge/format/utf8.hpp"

namespace dadvisor::graphite {

CodePoint first_code_point(std::string_view text) {
  CodePoint const broken{0xFFFD, 1};
  auto const lead = static_cast<unsigned char>(text.front());
  std::size_t const bytes = lead < 0x80   ? 1
                            : lead < 0xC2 ? 0
                            : lead < 0xE0 ? 2
                            : lead < 0xF0 ? 3
                            : lead < 0xF5 ? 4
                                          : 0;
  if (bytes == 0 || bytes > text.size()) return broken;
  if (bytes == 1) return {lead, 1};
  std::uint32_t value = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    auto const next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0u) != 0x80u) return broken;
    value = value << 6 | (next & 0x3Fu);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[bytes] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
    return broken;
  }
  return {value, bytes};
}

std::string valid_utf8(std::string_view text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
  constexpr std::uint32_t broken = 0xFFFD;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto const [value, bytes] = first_code_point(text);
    // The character itself may stand there, in three bytes.
    out += value == broken ? replacement : text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace dadvisor::graphite
