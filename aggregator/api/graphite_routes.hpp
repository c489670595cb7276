#pragma once
// Graphite's paths: /render, /metrics/find, /metrics/expand, /version, /functions. Their meaning is
// graphite-bridge's; here is how it goes over HTTP: query string and form merged whatever the
// method, on the query threads, errors as one line of text.

#include <functional>

#include "aggregator/api/query_pool.hpp"
#include "aggregator/api/router.hpp"
#include "common/core/clock.hpp"
#include "graphite-bridge/parameters.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::api {

// All three must outlive the router.
void add_graphite_routes(Router& router, graphite::SeriesSource const& source, Clock const& clock,
                         QueryPool& pool);

using Query =
    std::function<Result<graphite::Answer>(graphite::Parameters const&, std::int64_t now)>;

// A handler that runs `query` on the pool, unless its client has gone by then. Pool and clock must
// outlive it.
http::Handler on_pool(QueryPool& pool, Clock const& clock, Query query);

// The answer to a failed query (decision 13): 400 for what the client wrote, 422 over a limit, 503
// when the store is away.
http::Response error_response(Error const& error);

}  // namespace dadvisor::aggregator::api
