#pragma once
// The value axis: from which value to which, and what is written where. Pure, any thread; never
// fails: whatever is asked for and cannot be is brought to what can be.
//
// Ends and labels lie on multiples of a step of 1, 2 or 5 x 10^n (2^n with binary prefixes, parts
// of minutes, hours and days for durations). A logarithmic axis runs from power to power.

#include <optional>
#include <string>
#include <vector>

#include "graphite-bridge/picture/picture_options.hpp"

namespace dadvisor::graphite::picture {

struct Scale {
  struct Label {
    double value = 0;
    std::string text;
  };

  double bottom = 0;
  double top = 1;
  std::optional<double> log_base;
  std::vector<Label> labels;  // ascending
  std::vector<double> lines;  // the grid's: at all steps, also where no label has room
  std::vector<double> minor;  // between them

  // 0 at the bottom, 1 at the top, outside of that beyond them; absent (NaN) for what a
  // logarithmic scale has no place for.
  double position(double value) const;
};

struct ScaleRequest {
  // The least and greatest value to show; absent when there is none.
  std::optional<double> lowest, highest;
  AxisOptions axis;
  UnitSystem unit_system = UnitSystem::si;
  std::string unit;
  std::optional<double> log_base;
  std::vector<int> divisions;          // how many steps there may be; empty: up to the next
  int most_divisions = 5;              // so many labels have room
  std::optional<int> exact_divisions;  // to lie on another axis's lines, where that can be
  int minor_lines = 0;
};

Scale make_scale(ScaleRequest const& request);
// The smallest step that `make_scale` may take and that is at least `step` (> 0).
double nice_step(double step, UnitSystem system);

}  // namespace dadvisor::graphite::picture
