#pragma once
// Graphite's paths: /render, /metrics/find, /metrics/expand, /version, /functions. Their meaning is
// graphite-bridge's.

#include "aggregator/api/query_route.hpp"
#include "aggregator/api/router.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::api {

// The source, too, must outlive the router.
void add_graphite_routes(Router& router, graphite::SeriesSource const& source,
                         QueryTerms const& terms);

}  // namespace dadvisor::aggregator::api
