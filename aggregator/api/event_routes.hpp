#pragma once
// /events and /events/get_data, as graphite-web has them, for reading. Adding an event is
// administration and refused here. On the query threads.

#include "aggregator/api/query_route.hpp"
#include "aggregator/api/router.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::api {

// The source, too, must outlive the router.
void add_event_routes(Router& router, graphite::SeriesSource const& source,
                      QueryTerms const& terms);

}  // namespace dadvisor::aggregator::api
