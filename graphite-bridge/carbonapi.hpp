#pragma once
// carbonapi's protocol between itself and the stores behind it, version 3: protobuf messages in the
// bodies of /render and /metrics/find (github.com/go-graphite/protocol,
// carbonapi_v3_pb/carbonapi_v3_pb.proto). So a carbonapi that has this one among its backends
// federates it. Reentrant: as many threads as the source allows.

#include <cstdint>
#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/parameters.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

// Whether format= names it: carbonapi_v3_pb, or one of carbonapi's other names for it.
bool wants_carbonapi(Parameters const& parameters);

// `body` is a MultiFetchRequest, the answer a MultiFetchResponse: the series of each of its
// expressions over its times, absent values NaN. An empty body: targets and times of `parameters`,
// as /render has them. filterFunctions and maxDataPoints are advice that a store may leave to
// carbonapi, and are left to it. Errors as render(); malformed too for a body that is no message.
Result<Answer> render_for_carbonapi(std::string_view body, Parameters const& parameters,
                                    std::int64_t now, SeriesSource const& source,
                                    QueryBudget* budget = nullptr);

// `body` is a MultiGlobRequest, the answer a MultiGlobResponse. An empty body: the `query`
// parameters. Errors as find().
Result<Answer> find_for_carbonapi(std::string_view body, Parameters const& parameters,
                                  std::int64_t now, SeriesSource const& source,
                                  QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite
