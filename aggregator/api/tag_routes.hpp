#pragma once
// Graphite's paths about tags and names as they are asked for by Grafana: /tags, /tags/NAME,
// /tags/findSeries, /tags/autoComplete/tags and values, /metrics/index.json. Answers as
// graphite-web 1.1.8's, errors as one line of text. On the query threads.

#include "aggregator/api/query_pool.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/series/store_series_source.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::aggregator::api {

// All three must outlive the router.
void add_tag_routes(Router& router, series::StoreSeriesSource const& source, Clock const& clock,
                    QueryPool& pool);

}  // namespace dadvisor::aggregator::api
