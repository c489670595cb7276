#pragma once
// The title above a picture, and the usual size of letters and margins on a sheet. Pure, any
// thread.

#include <string>
#include <vector>

#include "graphite-bridge/picture/picture_options.hpp"
#include "graphite-bridge/picture/placed_text.hpp"
#include "graphite-bridge/picture/text.hpp"

namespace dadvisor::graphite::picture {

struct Heading {
  Font font;
  std::vector<PlacedText> lines;
  double height = 0;  // units; 0: there is none
};

// At the top of `sheet`, in letters a little larger than `usual`; a long title is first made
// smaller, then cut.
Heading make_heading(std::string const& title, Box const& sheet, Font const& usual,
                     TextWidth const& measure);
Font usual_font(PictureOptions const& options);
// What is left of the sheet within its margins; with `bare` there are none.
Box sheet_within(PictureOptions const& options, bool bare);

}  // namespace dadvisor::graphite::picture
