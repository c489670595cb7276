#pragma once
// How a picture shows one series: what color(), stacked(), secondYAxis() and their like ask for.
// Absent: as the picture's own parameters say.

#include <optional>
#include <string>
#include <vector>

namespace dadvisor::graphite {

struct Drawing {
  std::string color;  // a name or RRGGBB[AA], as the query has it; empty: the next of the palette
  std::optional<double> alpha;       // 0 .. 1
  std::optional<double> line_width;  // pixels
  std::vector<double> dashes;        // pixels on, off, ...; empty: a whole line
  // The stack that it stands on. Its values are its height already, what lies below included: its
  // area reaches down to the series before it in the same stack, or to zero.
  std::optional<std::string> stack;
  bool second_y_axis = false;
  bool infinite = false;   // each value that is not 0 is a vertical line over the whole height
  bool invisible = false;  // takes part in nothing but the legend's absence
  bool operator==(Drawing const&) const = default;
};

}  // namespace dadvisor::graphite
