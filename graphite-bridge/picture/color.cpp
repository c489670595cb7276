#include "graphite-bridge/picture/color.hpp"

#include <array>
#include <charconv>

namespace dadvisor::graphite::picture {
namespace {

struct NamedColor {
  std::string_view name;
  unsigned value;
};

// The names and what graphite-web takes them for (render/glyph.py).
constexpr std::array<NamedColor, 22> named_colors{{
    {"black", 0x000000},    {"white", 0xffffff},    {"blue", 0x6464ff},      {"green", 0x00c800},
    {"red", 0xc80032},      {"yellow", 0xffff00},   {"orange", 0xffa500},    {"purple", 0xc864ff},
    {"brown", 0x966432},    {"cyan", 0x00ffff},     {"aqua", 0x009696},      {"gray", 0xafafaf},
    {"grey", 0xafafaf},     {"magenta", 0xff00ff},  {"pink", 0xff6464},      {"gold", 0xc8c800},
    {"rose", 0xc896c8},     {"darkblue", 0x0000ff}, {"darkgreen", 0x00ff00}, {"darkred", 0xff0000},
    {"darkgray", 0x6f6f6f}, {"darkgrey", 0x6f6f6f},
}};

}  // namespace

Color rgb(unsigned value) {
  auto const part = [&](unsigned shift) {
    return static_cast<double>(value >> shift & 255U) / 255;
  };
  return {part(16), part(8), part(0), 1};
}

Color Color::over(Color const& other, double share) const {
  auto const mix = [&](double mine, double theirs) { return mine * share + theirs * (1 - share); };
  return {mix(red, other.red), mix(green, other.green), mix(blue, other.blue), 1};
}

std::optional<Color> parse_color(std::string_view text) {
  for (auto const& named : named_colors) {
    if (named.name == text) return rgb(named.value);
  }
  if (text.starts_with('#')) {
    text.remove_prefix(1);
  } else if (text.starts_with("%23")) {
    text.remove_prefix(3);
  }
  if (text.size() != 6 && text.size() != 8) return std::nullopt;
  unsigned long value = 0;
  auto const read = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  if (text.size() == 6) return rgb(static_cast<unsigned>(value));
  return rgb(static_cast<unsigned>(value >> 8)).with_alpha(static_cast<double>(value & 255) / 255);
}

}  // namespace dadvisor::graphite::picture
