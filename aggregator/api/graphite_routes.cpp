#include "aggregator/api/graphite_routes.hpp"

#include <utility>

#include "aggregator/api/etag.hpp"
#include "graphite-bridge/carbonapi.hpp"
#include "graphite-bridge/find.hpp"
#include "graphite-bridge/function_list.hpp"
#include "graphite-bridge/render.hpp"

namespace dadvisor::aggregator::api {

namespace {

// The release of graphite-web whose answers these are; Grafana reads it to know what it may ask.
constexpr char const* graphite_version = "1.1.8\n";

Result<graphite::Answer> render(Asked const& asked, graphite::SeriesSource const& source) {
  auto const& [parameters, now, body, budget] = asked;
  if (graphite::wants_carbonapi(parameters))
    return graphite::render_for_carbonapi(body, parameters, now, source, budget);
  return graphite::render(parameters, now, source, budget);
}

Result<graphite::Answer> find(Asked const& asked, graphite::SeriesSource const& source) {
  auto const& [parameters, now, body, budget] = asked;
  if (graphite::wants_carbonapi(parameters))
    return graphite::find_for_carbonapi(body, parameters, now, source, budget);
  return graphite::find(parameters, now, source, budget);
}

}  // namespace

void add_graphite_routes(Router& router, graphite::SeriesSource const& source,
                         QueryTerms const& terms) {
  auto const add = [&](char const* path, Query query) {
    router.add(path, "GET POST", on_pool(terms, std::move(query)));
  };
  add("/render", [&source](Asked const& asked) { return render(asked, source); });
  auto const finds = [&source](Asked const& asked) { return find(asked, source); };
  add("/metrics/find", finds);
  add("/metrics", finds);
  add("/metrics/expand", [&source](Asked const& asked) {
    return graphite::expand(asked.parameters, asked.now, source, asked.budget);
  });
  router.add("/version", "GET", [](http::Request request, http::Responder respond) {
    respond(with_etag(http::text_response(200, graphite_version), if_none_match(request)));
  });
  auto const functions = [](Asked const& asked) {
    return graphite::list_functions(asked.parameters);
  };
  router.add("/functions", "GET", on_pool(terms, functions));
  router.add("/functions/*", "GET", [terms](http::Request request, http::Responder respond) {
    auto const name = request.path.substr(std::string_view("/functions/").size());
    auto const handler = on_pool(terms, [name](Asked const& asked) {
      return graphite::describe_function(name, asked.parameters);
    });
    handler(std::move(request), std::move(respond));
  });
}

}  // namespace dadvisor::aggregator::api
