#pragma once
// Series as the bodies of /render answers. Pure, any thread.

#include <cstddef>
#include <optional>
#include <string>

#include "graphite-bridge/function.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite {

struct JsonOptions {
  // At most so many points over the range of all series together; absent: no limit.
  std::optional<std::size_t> max_data_points;
  bool no_null_points = false;  // leaves out absent points, and series with no other
  bool pretty = false;
};

// [{"target": ..., "tags": {...}, "datapoints": [[value, seconds], ...]}, ...]; no series with
// empty datapoints is written.
std::string to_json(SeriesList series, JsonOptions const& options);
// "name,2016-11-28 01:00:10,1.5" a line, local times of `zone`, CRLF, as Python's csv quotes.
std::string to_csv(SeriesList const& series, TimeZone const& zone);
// "name,start,end,step|1.0,None" a line.
std::string to_raw(SeriesList const& series);

// Fewer points for a graph of that width, by each series' own consolidation. The range over all
// series decides; groups begin at multiples of the new step so that a graph does not flicker when
// it moves, and what comes before the first group is lost (graphite-web: renderViewJson).
void limit_points(SeriesList& series, std::size_t max_data_points);

}  // namespace dadvisor::graphite
