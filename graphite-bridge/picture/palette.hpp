#pragma once
// An opaque picture's pixels as numbers of at most 256 colours, a third of the bytes that a PNG is
// made of. Curves, texts and their smoothed edges rarely have more; where they do, neighbours
// become one, none of whose channels is further away than `furthest` of 255: that is told by no
// eye.

#include <cstdint>
#include <optional>
#include <vector>

namespace dadvisor::graphite::picture {

struct Palette {
  static constexpr std::size_t most_colors = 256;
  static constexpr int furthest = 7;

  std::vector<std::uint32_t> colors;  // 0x00RRGGBB
  std::vector<std::uint8_t> indexes;  // of each pixel, row by row
};

// `data`: rows of `width` pixels of native 32 bits, 0xffRRGGBB, `stride` bytes apart. Nothing where
// that many colours do not do. Pure; any thread.
std::optional<Palette> palette_of(unsigned char const* data, int width, int height, int stride);

}  // namespace dadvisor::graphite::picture
