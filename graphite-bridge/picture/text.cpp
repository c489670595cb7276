#include "graphite-bridge/picture/text.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace dadvisor::graphite::picture {
namespace {

constexpr std::size_t max_bytes = 1000;
constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view ellipsis = "\xE2\x80\xA6";

// How many bytes the well-formed UTF-8 letter at the front has; 0 when there is none (RFC 3629).
std::size_t letter_size(std::string_view text) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char const first = byte(0);
  if (first < 0x80) return 1;
  std::size_t const size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  bool const overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  bool const surrogate = first == 0xED && byte(1) > 0x9F;
  bool const too_large = first == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || too_large ? 0 : size;
}

// Where each letter of well-formed text begins, and its end.
std::vector<std::size_t> letter_starts(std::string_view text) {
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < text.size();
       at += std::max<std::size_t>(letter_size(text.substr(at)), 1)) {
    out.push_back(at);
  }
  out.push_back(text.size());
  return out;
}

}  // namespace

std::string clean_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto const size = letter_size(text);
    auto const letter = text.substr(0, std::max<std::size_t>(size, 1));
    bool const control = size == 1 && (letter[0] < ' ' || letter[0] == '\x7F');
    std::string_view const shown = control ? " " : size == 0 ? replacement : letter;
    if (out.size() + shown.size() > max_bytes) break;
    out += shown;
    text.remove_prefix(letter.size());
  }
  return out;
}

std::string elided(std::string_view text, double width, Font const& font,
                   TextWidth const& measure) {
  width += 1e-6;  // where the width was computed from this very text
  if (measure(text, font) <= width) return std::string(text);
  auto const starts = letter_starts(text);
  auto const letters = starts.size() - 1;
  auto const keep = [&](std::size_t count) {  // so many letters, two of five at the front
    auto const front = count * 2 / 5;
    std::string out(text.substr(0, starts[front]));
    out += ellipsis;
    out += text.substr(starts[letters - (count - front)]);
    return out;
  };
  std::size_t low = 0, high = letters;  // low fits or is 0, high does not
  while (low + 1 < high) {
    auto const middle = (low + high) / 2;
    (measure(keep(middle), font) <= width ? low : high) = middle;
  }
  return low == 0 ? std::string() : keep(low);
}

}  // namespace dadvisor::graphite::picture
