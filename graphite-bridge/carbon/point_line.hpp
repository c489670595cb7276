#pragma once
// Graphite's plaintext as it comes in, "path value timestamp\n": three words between blanks, as
// carbon's protocols.py (MetricLineReceiver) reads them. Pure; any thread; allocates nothing.

#include <optional>
#include <string_view>

namespace dadvisor::graphite {

struct Point {
  std::string_view path;  // as it was sent
  double value = 0;       // may be NaN or infinite: whoever takes it decides
  double time = 0;        // unix seconds; -1 is now
};

// Without its line feed. Nothing when it is no point. Not read, unlike carbon: numbers with "_"
// in them ("1_000"), and blanks that are not ASCII.
std::optional<Point> parse_point_line(std::string_view line);

}  // namespace dadvisor::graphite
