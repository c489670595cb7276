#pragma once
// What pictures of every kind have on their sheet: ground, title, legend, the words instead of
// curves. Decides nothing about places, only about ink.

#include <string>
#include <vector>

#include "graphite-bridge/picture/canvas.hpp"
#include "graphite-bridge/picture/curve.hpp"
#include "graphite-bridge/picture/legend.hpp"
#include "graphite-bridge/picture/placed_text.hpp"
#include "graphite-bridge/picture/theme.hpp"

namespace dadvisor::graphite::picture {

void paint_ground(Canvas& canvas, Theme const& theme);
void paint_titles(Canvas& canvas, std::vector<PlacedText> const& titles, Font const& font,
                  Theme const& theme);
// Large in the middle of `box`; leaves another font selected than `font`.
void paint_message(Canvas& canvas, std::string const& message, Box const& box, Font font,
                   Theme const& theme);
// In the font that is selected. The entries' curves are those of `curves`.
void paint_legend(Canvas& canvas, Legend const& legend, std::vector<Curve> const& curves,
                  Theme const& theme);

}  // namespace dadvisor::graphite::picture
