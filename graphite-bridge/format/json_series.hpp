#pragma once
// Series as the JSON bodies of /render answers: Graphite's own, and those of two chart libraries.
// Pure, any thread.
// Where a budget ends, an encoder leaves off: whoever gives it one asks it afterwards.

#include <cstddef>
#include <optional>
#include <string>

#include "graphite-bridge/function.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite {

struct JsonOptions {
  // At most so many points over the range of all series together; absent: no limit.
  std::optional<std::size_t> max_data_points;
  bool no_null_points = false;  // leaves out absent points, and series with no other
  bool pretty = false;
};

// [{"target": ..., "tags": {...}, "datapoints": [[value, seconds], ...]}, ...]; no series with
// empty datapoints is written.
std::string to_json(SeriesList series, JsonOptions const& options, QueryBudget* budget = nullptr);
// {"labels": ["Time", name, ...], "data": [[milliseconds, value, ...], ...]}: one row a time of the
// first series, the others' values by their place, null where one has none. (graphite-web answers
// 500 when their lengths differ; here what lies beyond the first's end is left out.) No series: {}.
std::string to_dygraph(SeriesList const& series, QueryBudget* budget = nullptr);
// [{"target": ..., "datapoints": [{"x": seconds, "y": value}, ...]}, ...].
std::string to_rickshaw(SeriesList const& series, bool pretty, QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite
