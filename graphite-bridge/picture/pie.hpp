#pragma once
// A pie of series: where its slices, their labels and the legend are. Pure, any thread.
//
// A slice is as large as its series' average, greatest or least known value in the window. A series
// without one, and one whose value is not above 0, has no slice, but is in the legend: there is no
// part of a whole that is negative (graphite-web draws such a one backwards over its neighbours).
// Angles are radians, clockwise from the right; the first slice begins at the top.

#include <cstddef>
#include <string>
#include <vector>

#include "graphite-bridge/function.hpp"
#include "graphite-bridge/picture/curve.hpp"
#include "graphite-bridge/picture/legend.hpp"
#include "graphite-bridge/picture/picture_options.hpp"
#include "graphite-bridge/picture/placed_text.hpp"

namespace dadvisor::graphite::picture {

struct Slice {
  std::size_t curve = 0;  // whose colour it has
  double value = 0;       // > 0
  double share = 0;       // of the whole, 0 .. 1
  double from = 0, until = 0;
  double middle() const { return (from + until) / 2; }
};

// The value of a slice: in it where that has room, else outside beside it.
struct SliceLabel {
  std::string text;
  double x = 0, y = 0;  // its middle
  double angle = 0;     // it is turned by
  bool inside = true;
  Color color;
};

struct Pie {
  Font font, title_font;
  std::vector<PlacedText> titles;
  double x = 0, y = 0, radius = 0;  // of the circle; units
  std::vector<Slice> slices;        // in the order of the series
  std::vector<SliceLabel> labels;
  std::vector<Curve> curves;  // one a series: names and colours
  Legend legend;
  Box area;             // where circle and outer labels are
  std::string message;  // instead of slices: "No data"
};

Pie make_pie(SeriesList const& series, Window const& window, PictureOptions const& options,
             TextWidth const& measure);

}  // namespace dadvisor::graphite::picture
