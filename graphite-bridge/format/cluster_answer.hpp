#pragma once
// What graphite-web's cluster protocol carries: series and nodes as a Python pickle or as
// MessagePack, the bodies of format=pickle and format=msgpack (graphite-web: finders/remote.py
// reads them, render/datalib.py getInfo() and metrics/views.py write them). So a graphite-web that
// has this one among its CLUSTER_SERVERS shows its series beside its own. Pure, any thread.
// Where a budget ends, an encoder leaves off: whoever gives it one asks it afterwards.

#include <cstdint>
#include <string>
#include <vector>

#include "graphite-bridge/function.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

enum class ClusterFormat { pickle, message_pack };

// [{name, start, end, step, values, pathExpression, valuesPerPoint, consolidationFunc,
// xFilesFactor}, ...]; valuesPerPoint is always 1, absent values are None.
std::string to_cluster(SeriesList const& series, ClusterFormat format,
                       QueryBudget* budget = nullptr);
// [{path, is_leaf, intervals: [[0, now]]}, ...]; only leaves have intervals, the bound of what they
// may have. `now` in unix seconds.
std::string to_cluster(std::vector<FoundNode> const& nodes, std::int64_t now, ClusterFormat format);

// "application/pickle", "application/x-msgpack".
char const* content_type(ClusterFormat format);

}  // namespace dadvisor::graphite
