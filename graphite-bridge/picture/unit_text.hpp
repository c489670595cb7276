#pragma once
// Numbers as a picture's labels and legend show them: short, with the prefixes of the unit system
// and the unit behind. Pure, any thread.

#include <string>

#include "graphite-bridge/picture/picture_options.hpp"

namespace dadvisor::graphite::picture {

// One way of writing for all labels of an axis, so that they compare at a glance.
class NumberText {
 public:
  // For values up to `largest` (its size, not its sign) that differ by `step`.
  static NumberText for_axis(double largest, double step, UnitSystem system,
                             std::string const& unit);
  std::string operator()(double value) const;

 private:
  double size_ = 1;     // what one unit of the label stands for
  int decimals_ = 0;    // -1: "1e+300"
  std::string suffix_;  // prefix and unit
};

// One value by itself, in about three digits: "1.23 MB/s".
std::string number_text(double value, UnitSystem system, std::string const& unit);

}  // namespace dadvisor::graphite::picture
