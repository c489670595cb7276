#pragma once
// The legend below the plot: names with the stroke of their curves in as many columns as fit, or
// one a row with figures behind it. Pure, any thread.

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "graphite-bridge/picture/curve.hpp"
#include "graphite-bridge/picture/picture_options.hpp"
#include "graphite-bridge/picture/placed_text.hpp"

namespace dadvisor::graphite::picture {

inline constexpr std::size_t most_in_legend = 10;  // hidden for more, unless asked for

struct LegendEntry {
  std::size_t curve = 0;  // whose stroke the swatch shows
  Box swatch;
  PlacedText name;
};

struct Legend {
  double height = 0;  // 0: there is none
  std::vector<LegendEntry> entries;
  std::vector<PlacedText> figures;  // and their headings
  std::vector<PlacedText> rest;     // "+ 12 more", where not all have room
};

// `area` is where it may be: its full width, at most its full height, counted from its bottom up.
// Names without figures stand in as many columns as fit, at most `most_columns`.
Legend make_legend(std::vector<Curve> const& curves, Box const& area, PictureOptions const& options,
                   Font const& font, TextWidth const& measure,
                   std::size_t most_columns = std::numeric_limits<std::size_t>::max());

}  // namespace dadvisor::graphite::picture
