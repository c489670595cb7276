#pragma once
// How a query goes over HTTP: query string and form merged whatever the method, on the query
// threads, what is asked for by jsonp checked and wrapped, errors as one line of text.

#include <cstdint>
#include <functional>
#include <string>

#include "aggregator/api/query_counts.hpp"
#include "aggregator/api/query_pool.hpp"
#include "common/core/clock.hpp"
#include "common/core/result.hpp"
#include "common/http/server.hpp"
#include "graphite-bridge/parameters.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::aggregator::api {

struct Asked {
  graphite::Parameters parameters;
  std::int64_t now = 0;                     // unix seconds
  std::string body;                         // as sent, a form too
  graphite::QueryBudget* budget = nullptr;  // what it may use; of the call's time
};
using Query = std::function<Result<graphite::Answer>(Asked const&)>;

// What all queries go by; pool, clock and counts must outlive the handlers.
struct QueryTerms {
  QueryPool& pool;
  Clock const& clock;
  QueryCounts& counts;
  graphite::QueryLimits limits = {};
  bool jsonp = false;  // whether answers may be scripts
};

// A handler that runs `query` on the pool with a budget by the limits, unless its client has gone
// by then. When it goes while the query runs, that is stopped where it asks its budget next.
http::Handler on_pool(QueryTerms const& terms, Query query);

// An answer to show, and none that a browser takes for something else than it is said to be.
http::Response answer_response(graphite::Answer answer);
// The answer to a failed query (decision 13): 400 for what the client wrote, which may be over a
// limit in itself; 422 for what it would take, over a limit; 503 when the store is away.
http::Response error_response(Error const& error);
// The answer to whoever finds the pool full: 503, to be tried again in a second.
http::Response busy_response();

}  // namespace dadvisor::aggregator::api
