#pragma once
// A curve as runs of corners in the plot: gaps part runs, line modes make corners, an area knows
// the floor that it stands on. Pure, any thread.

#include <vector>

#include "graphite-bridge/picture/layout.hpp"

namespace dadvisor::graphite::picture {

struct Point {
  double x = 0, y = 0;
  bool operator==(Point const&) const = default;
};

struct Run {
  std::vector<Point> line;
  std::vector<Point> floor;  // of the area below, from left to right as the line
};

// Where the values are known, from left to right. A run of a single point has one corner unless
// the mode is staircase. Values that a logarithmic scale has no place for are gaps.
std::vector<Run> runs_of(Curve const& curve, Layout const& layout, PictureOptions const& options);

}  // namespace dadvisor::graphite::picture
