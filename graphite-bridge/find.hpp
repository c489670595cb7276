#pragma once
// /metrics/find and /metrics/expand without HTTP: which nodes there are below a path. Reentrant:
// as many threads as the source allows.

#include <cstdint>

#include "common/core/result.hpp"
#include "graphite-bridge/parameters.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

// The nodes that match `query`, as SeriesSource::find(). Errc::malformed too: a glob that is none.
Result<std::vector<FoundNode>> find_nodes(std::string const& query, Window const& window,
                                          SeriesSource const& source);

// Parameters: query (needed), format (treejson when not given; json, nodelist, completer, pickle,
// msgpack),
// leavesOnly, wildcards, position, automatic_variants, from, until, now, tz, pretty. Without from
// the window reaches back to 0. Errc::malformed: no query, an unknown format, a time or number
// that does not parse. Unlike graphite-web, treejson shows nodes as they are (it decodes %41 and
// "+"), and lists a path that is branch and leaf as both.
Result<Answer> find(Parameters const& parameters, std::int64_t now, SeriesSource const& source,
                    QueryBudget* budget = nullptr);

// Parameters: query (repeated), groupByExpr, leavesOnly, and times as find().
// {"results": [path, ...]}, sorted, each once; with groupByExpr an object of such lists.
Result<Answer> expand(Parameters const& parameters, std::int64_t now, SeriesSource const& source,
                      QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite
