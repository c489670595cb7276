#pragma once
// How a query goes over HTTP: query string and form merged whatever the method, on the query
// threads, what is asked for by jsonp checked and wrapped, errors as one line of text.

#include <cstdint>
#include <functional>
#include <string>

#include "aggregator/api/query_pool.hpp"
#include "common/core/clock.hpp"
#include "common/core/result.hpp"
#include "common/http/server.hpp"
#include "graphite-bridge/parameters.hpp"

namespace dadvisor::aggregator::api {

struct Asked {
  graphite::Parameters parameters;
  std::int64_t now = 0;  // unix seconds
  std::string body;      // as sent, a form too
};
using Query = std::function<Result<graphite::Answer>(Asked const&)>;

// What all queries go by; pool and clock must outlive the handlers.
struct QueryTerms {
  QueryPool& pool;
  Clock const& clock;
  bool jsonp = false;  // whether answers may be scripts
};

// A handler that runs `query` on the pool, unless its client has gone by then.
http::Handler on_pool(QueryTerms const& terms, Query query);

// An answer to show, and none that a browser takes for something else than it is said to be.
http::Response answer_response(graphite::Answer answer);
// The answer to a failed query (decision 13): 400 for what the client wrote, 422 over a limit, 503
// when the store is away.
http::Response error_response(Error const& error);

}  // namespace dadvisor::aggregator::api
