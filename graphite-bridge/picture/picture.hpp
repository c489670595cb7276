#pragma once
// Series as a picture, curves or a pie, by cairo. Pure functions over values, any thread; a PNG of
// 600x300 takes a few milliseconds.
//
// The time axis is the window's, whatever the series cover. Where a series has more points than
// there are pixels, neighbours become one by its own consolidation. Absent and infinite values
// are gaps. No series or no value: a picture that says "No data".
// An SVG carries text as outlines (cairo 1.16 knows no other way): no font is needed to show it,
// and nothing of a name can become markup.
//
// Errc::malformed: width, height or scale out of range. Errc::io: cairo failed (memory). Those of
// the window's budget too.

#include <string>

#include "common/core/result.hpp"
#include "graphite-bridge/function.hpp"
#include "graphite-bridge/picture/picture_options.hpp"

namespace dadvisor::graphite::picture {

Result<std::string> draw_png(SeriesList const& series, Window const& window,
                             PictureOptions const& options);
Result<std::string> draw_svg(SeriesList const& series, Window const& window,
                             PictureOptions const& options);
Result<std::string> draw_pdf(SeriesList const& series, Window const& window,
                             PictureOptions const& options);  // one page

}  // namespace dadvisor::graphite::picture
