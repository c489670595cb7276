#include "graphite-bridge/format/point_limit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/whole_numbers.hpp"

namespace dadvisor::graphite {
namespace {

void limit_points(Series& series, std::size_t max_data_points, std::int64_t range) {
  if (series.end < series.start) return cut_behind_end(series);
  std::size_t per_point = series.values.size();
  if (max_data_points > 1) {
    double const points = static_cast<double>(range) / static_cast<double>(series.step);
    if (static_cast<double>(max_data_points) >= points) return cut_behind_end(series);
    per_point = static_cast<std::size_t>(std::ceil(points / static_cast<double>(max_data_points)));
    auto const point_seconds = static_cast<std::int64_t>(per_point) * series.step;
    auto const behind = [&](std::int64_t step) {  // how far start lies behind a multiple of step
      return ((series.start % step) + step) % step;
    };
    std::int64_t const nudge = point_seconds + behind(series.step) - behind(point_seconds);
    series.start += nudge;
    auto const lost = static_cast<std::size_t>(std::max<std::int64_t>(nudge / series.step - 1, 0));
    // A series much shorter than the others keeps its last value at least.
    auto const room = series.values.size() - 1;
    series.values.erase(series.values.begin(),
                        series.values.begin() + static_cast<std::ptrdiff_t>(std::min(lost, room)));
  }
  series.values =
      consolidate(series.values, per_point, series.consolidation, series.x_files_factor);
  series.whole = series.whole && (per_point <= 1 || keeps_whole(series.consolidation));
  series.step *= static_cast<std::int64_t>(std::max<std::size_t>(per_point, 1));
  // The end of a short one may lie before where its first group begins now.
  series.end = std::max(series.end, series.start);
  cut_behind_end(series);
}

}  // namespace

void limit_points(SeriesList& series, std::size_t max_data_points) {
  if (series.empty() || max_data_points == 0) return;
  std::int64_t start = series.front().start;
  std::int64_t end = series.front().end;
  for (auto const& one : series) {
    start = std::min(start, one.start);
    end = std::max(end, one.end);
  }
  for (auto& one : series) {
    if (!one.values.empty()) limit_points(one, max_data_points, end - start);
  }
}

}  // namespace dadvisor::graphite
