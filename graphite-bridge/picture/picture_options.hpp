#pragma once
// How a picture is to look: what a request's parameters, a mail or a console ask for. The default
// is our own look; names in comments are graphite-web's parameters. A plain value.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graphite-bridge/event.hpp"
#include "graphite-bridge/picture/color.hpp"
#include "graphite-bridge/picture/theme.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite::picture {

inline constexpr int max_size = 4096;  // pixels, width and height

// Prefixes of labels: k M G, Ki Mi Gi, none, or values that are seconds or milliseconds.
enum class UnitSystem { si, binary, none, seconds, milliseconds };
enum class LineMode { slope, staircase, connected };
enum class AreaMode { none, first, all, stacked };
enum class GraphType { line, pie };

// What the legend tells beside a name, in this order.
enum class LegendValue { last, min, max, average };

// A horizontal line at `value`, always within the scale.
struct Threshold {
  double value = 0;
  std::string label;  // above the line's end; may be empty
  Role role = Role::crit;
  bool second_y_axis = false;
};

// A stretch of time, shaded: an alert that fired, a maintenance.
struct Span {
  std::int64_t from = 0;   // unix seconds
  std::int64_t until = 0;  // unix seconds
  Role role = Role::crit;
};

struct AxisOptions {
  std::optional<double> min;    // yMin
  std::optional<double> max;    // yMax
  bool max_of_data = false;     // yMax=max: ends at the greatest value, not behind it
  std::optional<double> limit;  // yLimit: never higher, whatever the values
  std::optional<double> step;   // yStep, between labels
  std::string title;            // vtitle
  // Of the series on this axis, where they say nothing themselves; for pictures with two axes.
  std::optional<double> line_width;
  std::optional<Color> color;
  std::optional<double> dash;
};

// Which of a series' values its slice is as large as.
enum class PieMode { average, maximum, minimum };
enum class ValueLabels { none, number, percent };

struct PieOptions {
  PieMode mode = PieMode::average;
  ValueLabels labels = ValueLabels::percent;
  // valueLabelsMin: less than this, in what the labels show, has none; absent: than 5 percent.
  std::optional<double> least;
  std::optional<Color> label_color;  // on slices; absent: black or white, whichever is legible
  bool rotated = false;              // pieLabels=rotated: along the radius
};

struct PictureOptions {
  GraphType graph_type = GraphType::line;
  PieOptions pie;
  int width = 330;   // units, 1 .. max_size / scale
  int height = 250;  // units, 1 .. max_size / scale
  double scale = 1;  // device pixels a unit: 2 for a picture that is sharp on dense screens
  std::optional<int> margin;  // units

  std::string title;  // lines parted by \n
  Theme theme = light_theme();
  std::vector<Color> colors;  // colorList; empty: the theme's
  std::string font_name = "DejaVu Sans";
  std::optional<double> font_size;  // units; absent: 10 to 12 by the picture's size
  bool font_bold = false;
  bool font_italic = false;

  TimeZone zone = TimeZone::utc();
  std::string time_format;  // xFormat, as strftime; empty: by the range
  UnitSystem unit_system = UnitSystem::si;
  std::string unit;  // behind every label: "B/s"

  AxisOptions left;
  AxisOptions right;               // of the series with Drawing::second_y_axis
  std::vector<int> divisions;      // yDivisors; empty: by the height
  std::optional<double> log_base;  // > 1
  std::optional<int> minor_lines;  // minorY, between two labels; absent: 0
  bool y_axis_on_right = false;    // yAxisSide=right, when there is no second axis

  LineMode line_mode = LineMode::slope;
  std::optional<std::size_t> connected_limit;  // absent points that "connected" bridges; all
  std::optional<double> line_width;            // units; absent: 1.5, thinner for many series
  AreaMode area_mode = AreaMode::none;
  std::optional<double> area_alpha;  // 0 .. 1
  bool null_as_zero = false;         // drawNullAsZero
  double min_x_step = 1;             // units between two points of a line, at least

  std::optional<bool> hide_legend;  // absent: hidden for more than 10 series, never of a pie
  bool unique_legend = false;
  bool hide_null_from_legend = false;
  std::vector<LegendValue> legend_values;
  bool hide_axes = false;  // and the grid with them
  bool hide_x_axis = false;
  bool hide_y_axis = false;
  bool hide_grid = false;
  bool graph_only = false;

  std::vector<Threshold> thresholds;
  std::vector<Span> spans;
  std::vector<Event> marks;  // vertical lines, with what happened where there is room
  // Writes the last value at each line's end, of 5 at most; none where a right axis is.
  bool label_last = false;
};

}  // namespace dadvisor::graphite::picture
