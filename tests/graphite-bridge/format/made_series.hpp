#pragma once
// Series to write, for tests of the formats.

#include <string>
#include <utility>
#include <vector>

#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite::test {

inline Series series(std::string name, std::int64_t start, std::int64_t step,
                     std::vector<double> values) {
  Series out;
  out.tags["name"] = name;
  out.name = std::move(name);
  out.start = start;
  out.step = step;
  out.end = start + step * static_cast<std::int64_t>(values.size());
  out.values = std::move(values);
  return out;
}

}  // namespace dadvisor::graphite::test
