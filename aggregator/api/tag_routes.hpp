#pragma once
// Graphite's paths about tags and names as they are asked for by Grafana: /tags, /tags/NAME,
// /tags/findSeries, /tags/autoComplete/tags and values, /metrics/index.json. Answers as
// graphite-web 1.1.8's, errors as one line of text. On the query threads.

#include "aggregator/api/query_route.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/series/store_series_source.hpp"

namespace dadvisor::aggregator::api {

// The source, too, must outlive the router.
void add_tag_routes(Router& router, series::StoreSeriesSource const& source,
                    QueryTerms const& terms);

}  // namespace dadvisor::aggregator::api
