#pragma once
// /events, /events/get_data and /events/ID, as graphite-web has them: reading, and telling what
// agents cannot know, a deploy by hand or a maintenance. On the query threads.
//
// Who may tell one is Access's matter; but a page of another site that a browser shows may not, for
// it would do it by the rights of whoever looks at it.

#include <functional>
#include <optional>

#include "aggregator/api/query_route.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/event/event_log.hpp"
#include "graphite-bridge/posted_event.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::api {

struct EventSeams {
  std::function<Result<std::optional<event::EventReader::Found>>(std::uint64_t id)> one;
  std::function<Result<void>(graphite::PostedEvent)> announce;  // durable behind it
};

// The source, too, must outlive the router.
void add_event_routes(Router& router, graphite::SeriesSource const& source, EventSeams seams,
                      QueryTerms const& terms);

}  // namespace dadvisor::aggregator::api
