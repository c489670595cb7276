#include "aggregator/api/event_routes.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include "graphite-bridge/events_query.hpp"

namespace dadvisor::aggregator::api {
namespace {

constexpr std::string_view folder = "/events/";

// Of all digits, as graphite-web's route has it.
std::optional<std::uint64_t> id_in(std::string_view path) {
  path.remove_prefix(folder.size());
  std::uint64_t id = 0;
  auto const [end, failure] = std::from_chars(path.data(), path.data() + path.size(), id);
  if (failure != std::errc() || end != path.data() + path.size()) return std::nullopt;
  return id;
}

Result<graphite::Answer> detail(EventSeams const& seams, std::optional<std::uint64_t> id) {
  Error const unknown{Errc::not_found, 0, "no event has this number"};
  if (!id) return unknown;
  auto const found = seams.one(*id);
  if (!found) return found.error();
  if (!*found) return unknown;
  auto const& [event, at] = **found;
  return graphite::Answer{"application/json",
                          graphite::event_detail(event, at.time_since_epoch().count())};
}

http::Response told(EventSeams const& seams, std::string const& body) {
  auto event = graphite::parse_posted_event(body);
  if (!event) return error_response(event.error());
  if (auto const done = seams.announce(std::move(*event)); !done)
    return error_response(done.error());
  return http::text_response(200, "");
}

}  // namespace

void add_event_routes(Router& router, graphite::SeriesSource const& source, EventSeams seams,
                      QueryTerms const& terms) {
  auto const list = on_pool(terms, [&source](Asked const& asked) {
    return graphite::list_events(asked.parameters, asked.now, source);
  });
  // graphite-web routes "get_dat" here as well; nobody asks for that.
  router.add("/events/get_data", "GET POST", list);
  router.add("/events/*", "GET", [seams, terms](http::Request request, http::Responder respond) {
    auto const handler = on_pool(
        terms, [seams, id = id_in(request.path)](Asked const&) { return detail(seams, id); });
    handler(std::move(request), std::move(respond));
  });
  // Not by on_pool: the body is no form, whatever its sender says that it is (curl -d).
  router.add(
      "/events", "GET POST", [list, seams, terms](http::Request request, http::Responder respond) {
        if (request.method != "POST") return list(std::move(request), std::move(respond));
        if (http::header(request.headers, "Sec-Fetch-Site") == "cross-site")
          return respond(http::text_response(403, "not for pages of other sites\n"));
        auto job = [seams, body = std::move(request.body), respond] { respond(told(seams, body)); };
        if (!terms.pool.submit(std::move(job))) respond(busy_response());
      });
}

}  // namespace dadvisor::aggregator::api
