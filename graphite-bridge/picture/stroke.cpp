#include "graphite-bridge/picture/stroke.hpp"

#include <cmath>

namespace dadvisor::graphite::picture {

std::vector<Run> runs_of(Curve const& curve, Layout const& layout, PictureOptions const& options) {
  std::vector<Run> out;
  bool const stairs = options.line_mode == LineMode::staircase;
  double const ground = layout.y_of(0, curve.right);
  auto const floor_at = [&](std::size_t i) {
    double const y = curve.base.empty() ? ground : layout.y_of(curve.base[i], curve.right);
    return std::isnan(y) ? layout.plot.bottom : y;  // a logarithmic scale has no 0
  };
  std::size_t absent_before = 1;
  bool first = true;
  for (std::size_t i = 0; i < curve.values.size(); ++i) {
    double const y =
        is_drawable(curve.values[i]) ? layout.y_of(curve.values[i], curve.right) : absent;
    if (std::isnan(y)) {
      ++absent_before;
      continue;
    }
    bool const bridged = options.line_mode == LineMode::connected && !first &&
                         (!options.connected_limit || absent_before <= *options.connected_limit);
    if (first || (absent_before > 0 && !bridged)) out.emplace_back();
    first = false;
    absent_before = 0;
    auto const at = static_cast<double>(curve.times[i]);
    double const x = layout.x_of(at);
    auto& run = out.back();
    run.line.push_back({x, y});
    if (curve.fill) run.floor.push_back({x, floor_at(i)});
    if (!stairs) continue;
    double const next = layout.x_of(at + static_cast<double>(curve.step));
    run.line.push_back({next, y});
    if (curve.fill) run.floor.push_back({next, floor_at(i)});
  }
  return out;
}

}  // namespace dadvisor::graphite::picture
