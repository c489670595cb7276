#pragma once
// Powers as the language has them.

#include <cmath>

#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite::functions {

// Python's math.pow, absent where that is an error: no real result, or too large a one.
inline double power(double value, double exponent) {
  double const result = std::pow(value, exponent);
  if (std::isfinite(result)) return result;
  return std::isfinite(value) && std::isfinite(exponent) ? absent : result;
}

}  // namespace dadvisor::graphite::functions
