#include "aggregator/api/query_route.hpp"

#include <exception>
#include <utility>

#include "aggregator/api/etag.hpp"
#include "graphite-bridge/jsonp.hpp"

namespace dadvisor::aggregator::api {
namespace {

Asked asked_by(http::Request const& request, std::int64_t now) {
  Asked out{{}, now, request.body};
  for (auto& [name, value] : http::merged_parameters(request)) out.parameters.emplace(name, value);
  return out;
}

// A query that goes wrong in a way that nobody thought of must harm nobody else.
http::Response answer(Query const& query, Asked const& asked, bool jsonp, QueryCounts& counts) try {
  if (auto const good = graphite::check_callback(asked.parameters, jsonp); !good)
    return error_response(good.error());
  auto answer = query(asked);
  // What left off since the budget ended is no answer.
  if (answer)
    if (auto const whole = graphite::go_on(asked.budget); !whole) answer = whole.error();
  if (!answer) {
    counts.add(answer.error());
    return error_response(answer.error());
  }
  return answer_response(graphite::with_callback(asked.parameters, std::move(*answer)));
} catch (std::exception const& error) {
  return http::text_response(500, std::string("internal error: ") + error.what() + "\n");
}

}  // namespace

http::Handler on_pool(QueryTerms const& terms, Query query) {
  return [terms, query = std::move(query)](http::Request request, http::Responder respond) {
    auto job = [asked = asked_by(request, unix_seconds(terms.clock.wall())), query, terms,
                wanted = if_none_match(request), respond]() mutable {
      QueryPool::Turn turn(terms.pool, terms.clock);
      graphite::QueryBudget budget(terms.limits, terms.clock,
                                   {.abandoned = [&] { return respond.abandoned() || turn.over(); },
                                    .pause = [&] { return turn.give_way(); }});
      if (!budget.go_on()) return terms.counts.add_abandoned();
      asked.budget = &budget;
      auto made = answer(query, asked, terms.jsonp, terms.counts);
      if (budget.abandoned()) return;
      respond(with_etag(std::move(made), wanted));
    };
    if (!terms.pool.submit(std::move(job))) respond(busy_response());
  };
}

http::Response answer_response(graphite::Answer answer) {
  auto response = http::typed_response(200, answer.content_type, std::move(answer.body));
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

http::Response busy_response() {
  auto response = http::text_response(503, "too many queries wait; try again\n");
  response.headers.emplace_back("Retry-After", "1");
  return response;
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
      case Errc::gone:
      case Errc::unavailable:
      case Errc::timeout:
        return 503U;
      default:
        return 500U;
    }
  }();
  return http::text_response(status, to_string(error) + "\n");
}

}  // namespace dadvisor::aggregator::api
