#pragma once
// Where everything of a picture lies, computed before anything is painted: a pure function of its
// input and of what measures text, so that it is tested without a pixel. Any thread.
//
// All positions are in units from the top left corner; texts are elided where they have no room,
// and left out where even that leaves none. What does not fit a small picture goes in this order:
// legend, titles, axes.

#include <optional>
#include <string>
#include <vector>

#include "graphite-bridge/picture/curve.hpp"
#include "graphite-bridge/picture/legend.hpp"
#include "graphite-bridge/picture/picture_options.hpp"
#include "graphite-bridge/picture/placed_text.hpp"
#include "graphite-bridge/picture/scale.hpp"
#include "graphite-bridge/picture/text.hpp"
#include "graphite-bridge/picture/time_axis.hpp"

namespace dadvisor::graphite::picture {

struct PlacedLine {
  double position = 0;  // y of a horizontal one, x of a vertical one
  Role role = Role::info;
  std::optional<PlacedText> label;
};

struct PlacedSpan {
  Box box;
  Role role = Role::crit;
};

struct Layout {
  Font font;
  Font title_font;
  Box plot;
  std::vector<PlacedText> titles;
  std::optional<PlacedText> left_title, right_title;  // read from below; (x, y) is the middle
  std::vector<PlacedText> value_labels, time_labels, contexts;
  std::vector<double> value_lines, minor_lines;  // y
  std::vector<double> time_lines;                // x
  bool has_axes = true;                          // the line below the plot
  Scale left;
  std::optional<Scale> right;
  std::vector<Curve> curves;
  Legend legend;
  std::vector<PlacedSpan> spans;
  std::vector<PlacedLine> thresholds;
  std::vector<PlacedLine> marks;
  std::vector<PlacedText> last_values;
  std::string message;  // instead of curves: "No data"

  Window window;
  double x_of(double unix_seconds) const;
  // Far outside of the plot at most; absent (NaN) for what the scale has no place for.
  double y_of(double value, bool on_right) const;
};

Layout make_layout(SeriesList const& series, Window const& window, PictureOptions const& options,
                   TextWidth const& measure);

}  // namespace dadvisor::graphite::picture
