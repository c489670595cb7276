#include "aggregator/api/event_routes.hpp"

#include "graphite-bridge/events_query.hpp"

namespace dadvisor::aggregator::api {

void add_event_routes(Router& router, graphite::SeriesSource const& source,
                      QueryTerms const& terms) {
  auto const list = on_pool(terms, [&source](Asked const& asked) {
    return graphite::list_events(asked.parameters, asked.now, source);
  });
  // graphite-web routes "get_dat" here as well; nobody asks for that.
  router.add("/events/get_data", "GET POST", list);
  router.add("/events", "GET POST", [list](http::Request request, http::Responder respond) {
    if (request.method != "POST") return list(std::move(request), std::move(respond));
    respond(http::text_response(403,
                                "adding events is administration, which this port does not do: "
                                "events come from the agents\n"));
  });
}

}  // namespace dadvisor::aggregator::api
