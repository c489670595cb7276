#include "aggregator/api/graphite_routes.hpp"

#include <utility>

#include "aggregator/api/etag.hpp"
#include "graphite-bridge/find.hpp"
#include "graphite-bridge/function_list.hpp"
#include "graphite-bridge/render.hpp"

namespace dadvisor::aggregator::api {

namespace {

// The release of graphite-web whose answers these are; Grafana reads it to know what it may ask.
constexpr char const* graphite_version = "1.1.8\n";

graphite::Parameters parameters_of(http::Request const& request) {
  graphite::Parameters parameters;
  for (auto& [name, value] : http::merged_parameters(request)) parameters.emplace(name, value);
  return parameters;
}

http::Response response_of(Result<graphite::Answer> answer) {
  if (!answer) return error_response(answer.error());
  return http::typed_response(200, answer->content_type, std::move(answer->body));
}

}  // namespace

http::Handler on_pool(QueryPool& pool, Clock const& clock, Query query) {
  return [&pool, &clock, query = std::move(query)](http::Request request, http::Responder respond) {
    auto job = [parameters = parameters_of(request), now = unix_seconds(clock.wall()), query,
                wanted = if_none_match(request), respond] {
      if (!respond.abandoned()) respond(with_etag(response_of(query(parameters, now)), wanted));
    };
    if (!pool.submit(std::move(job))) {
      auto response = http::text_response(503, "too many queries wait; try again\n");
      response.headers.emplace_back("Retry-After", "1");
      respond(std::move(response));
    }
  };
}

http::Response error_response(Error const& error) {
  unsigned const status = [&] {
    switch (error.code) {
      case Errc::malformed:
      case Errc::unsupported:
        return 400U;
      case Errc::not_found:
        return 404U;
      case Errc::too_large:
        return 422U;
      case Errc::unavailable:
      case Errc::timeout:
        return 503U;
      default:
        return 500U;
    }
  }();
  return http::text_response(status, to_string(error) + "\n");
}

void add_graphite_routes(Router& router, graphite::SeriesSource const& source, Clock const& clock,
                         QueryPool& pool) {
  auto const add = [&](char const* path, Query query) {
    router.add(path, "GET POST", on_pool(pool, clock, std::move(query)));
  };
  add("/render", [&source](auto const& parameters, std::int64_t now) {
    return graphite::render(parameters, now, source);
  });
  add("/metrics/find", [&source](auto const& parameters, std::int64_t now) {
    return graphite::find(parameters, now, source);
  });
  add("/metrics/expand", [&source](auto const& parameters, std::int64_t now) {
    return graphite::expand(parameters, now, source);
  });
  router.add("/version", "GET", [](http::Request request, http::Responder respond) {
    respond(with_etag(http::text_response(200, graphite_version), if_none_match(request)));
  });
  router.add("/functions", "GET", [](http::Request request, http::Responder respond) {
    respond(with_etag(response_of(graphite::list_functions(parameters_of(request))),
                      if_none_match(request)));
  });
  router.add("/functions/*", "GET", [](http::Request request, http::Responder respond) {
    auto const name = request.path.substr(std::string_view("/functions/").size());
    respond(with_etag(response_of(graphite::describe_function(name, parameters_of(request))),
                      if_none_match(request)));
  });
}

}  // namespace dadvisor::aggregator::api
