#pragma once
// What is drawn of each series: its points at the picture's resolution, stacked where that is
// asked for, with its colour and stroke. Pure, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graphite-bridge/function.hpp"
#include "graphite-bridge/picture/picture_options.hpp"

namespace dadvisor::graphite::picture {

// What the legend may tell of a series: of its known values within the window, before neighbours
// became one. Absent when there is none.
struct CurveFigures {
  std::optional<double> last, min, max, average;
};

struct Curve {
  std::string name;
  Color color;
  double line_width = 1.5;     // units; 0: no line
  std::vector<double> dashes;  // units
  std::optional<double> fill;  // how opaque the area is; absent: none
  bool right = false;          // on the second axis
  bool infinite = false;       // each value that is not 0 is a vertical line
  bool invisible = false;
  CurveFigures figures;

  std::int64_t step = 1;            // between two points
  std::vector<std::int64_t> times;  // of the points, ascending
  std::vector<double> values;       // absent: a gap
  std::vector<double> base;         // where the area stands; empty: on 0
};

// One curve a series, in their order; the colours are taken in turn by those that bring none.
// `width` is the plot's, in units.
std::vector<Curve> make_curves(SeriesList const& series, Window const& window, double width,
                               PictureOptions const& options);

// The least and greatest value of the visible curves on one axis, areas with the ground that they
// stand on (graphite-web leaves the ground out: then an area of twice the height is not twice the
// value). Only values above 0 count where the axis is logarithmic. Absent when there is none.
std::optional<std::pair<double, double>> limits_of(std::vector<Curve> const& curves, bool right,
                                                   bool logarithmic);

// Whether a value can be drawn: known and finite.
bool is_drawable(double value);

}  // namespace dadvisor::graphite::picture
