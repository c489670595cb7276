#pragma once
// A font whose letters are all as wide as 0.6 of its size, so that layouts are counted by hand,
// and series made short.

#include <string_view>
#include <vector>

#include "graphite-bridge/picture/text.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite::picture::test {

inline double even_letters(std::string_view text, Font const& font) {
  std::size_t letters = 0;
  for (char const c : text) letters += (c & 0xC0) != 0x80;
  return static_cast<double>(letters) * font.size * 0.6;
}

inline Series series_of(std::string name, std::vector<double> values, std::int64_t start = 60,
                        std::int64_t step = 60) {
  Series out;
  out.name = std::move(name);
  out.start = start;
  out.step = step;
  out.end = start + static_cast<std::int64_t>(values.size()) * step;
  out.values = std::move(values);
  return out;
}

}  // namespace dadvisor::graphite::picture::test
