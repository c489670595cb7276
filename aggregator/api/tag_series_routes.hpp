#pragma once
// POST /tags/tagSeries, /tags/tagMultiSeries and /tags/delSeries, with which carbon and scripts
// keep graphite-web's index of tags. Ours is made of the series that have points, so there is
// nothing to enter and nothing to take out: the first two answer the names in their canonical form,
// as there, and no series comes of it before its first point; the third answers true of what the
// index does not have, and 400 of what it has, for its removal is administration (`dadvisor store
// delete`). On the query threads.

#include "aggregator/api/query_route.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/series/store_series_source.hpp"

namespace dadvisor::aggregator::api {

// The source, too, must outlive the router.
void add_tag_series_routes(Router& router, series::StoreSeriesSource const& source,
                           QueryTerms const& terms);

}  // namespace dadvisor::aggregator::api
