#pragma once
// Points of any age into a running store, for the admin unix socket alone:
//
//   POST /store/import  series and points (ingest/imported_points.hpp)
//
// The answer comes when all is durable and was read back: how many points were taken and refused,
// and their sum.

#include "aggregator/api/import.hpp"
#include "aggregator/api/router.hpp"

namespace dadvisor::aggregator::api {

void add_import_route(Router& router, ImportSeams seams);

}  // namespace dadvisor::aggregator::api
