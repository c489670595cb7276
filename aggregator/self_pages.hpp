#pragma once
// What the aggregator tells of itself over HTTP: /metrics for Prometheus, /readyz for whoever sends
// it work, /api/v1/status for people and their scripts. On the loop's thread.

#include "aggregator/api/router.hpp"
#include "aggregator/own_metrics.hpp"

namespace dadvisor::aggregator {

// /readyz: 200 once every stream that was known before the restart has spoken or 30 s passed, and
// as long as the store can write; else 503, with the reason. The stages must outlive the router.
void add_self_pages(api::Router& router, Stages const& stages);

// The body of /api/v1/status. `most`: streams listed, those furthest behind first.
std::string status_json(Stages const& stages, std::size_t most);

}  // namespace dadvisor::aggregator
