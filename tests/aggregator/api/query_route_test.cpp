#include "aggregator/api/query_route.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>

#include "common/http/client.hpp"
#include "common/http/server.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::api;

TEST_CASE("a query that throws is answered by 500, and the next one goes on") {
  SystemClock const clock;
  QueryPool pool(1, 10);
  bool broken = true;
  QueryCounts counts;
  auto handler = on_pool({pool, clock, counts}, [&](Asked const&) -> Result<graphite::Answer> {
    if (broken) throw std::runtime_error("nobody thought of it");
    return graphite::Answer{"application/json", "[]"};
  });
  http::Loop loop;
  auto server = http::Server::listen(loop, {}, handler, Log("test", LogLevel::error));
  REQUIRE(server);
  http::Origin origin;
  origin.host = "127.0.0.1";
  origin.port = (*server)->port();
  http::Client client(loop, origin);
  auto const ask = [&] {
    http::Response got;
    client.request({}, [&](Result<http::Response> response) {
      REQUIRE(response);
      got = std::move(*response);
      loop.stop();
    });
    loop.run();
    return got;
  };
  auto const failed = ask();
  CHECK(failed.status == 500);
  CHECK(failed.body == "internal error: nobody thought of it\n");
  broken = false;
  auto const good = ask();
  CHECK(good.status == 200);
  CHECK(good.body == "[]");
  CHECK(http::header(good.headers, "X-Content-Type-Options") == "nosniff");
}

namespace {

// One query at a time over HTTP, answered by `query` under `limits`.
struct Asking {
  Asking(graphite::QueryLimits const& limits, Query query) {
    auto handler = on_pool({pool, clock, counts, limits}, std::move(query));
    auto listening = http::Server::listen(loop, {}, handler, Log("test", LogLevel::error));
    REQUIRE(listening);
    server = std::move(*listening);
    http::Origin origin;
    origin.host = "127.0.0.1";
    origin.port = server->port();
    client = std::make_unique<http::Client>(loop, origin);
  }
  Result<http::Response> ask(std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    std::optional<Result<http::Response>> got;
    http::ClientRequest request;
    request.timeout = timeout;
    client->request(request, [&](Result<http::Response> response) {
      got = std::move(response);
      loop.stop();
    });
    loop.run();
    return *got;
  }

  SystemClock clock;
  QueryCounts counts;
  http::Loop loop;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<http::Client> client;
  QueryPool pool{1, 10};
};

std::size_t place_of(char const* limit) {
  auto const& all = graphite::query_limit::all;
  return static_cast<std::size_t>(
      std::find(std::begin(all), std::end(all), std::string_view(limit)) - std::begin(all));
}

}  // namespace

TEST_CASE("a query over a limit is answered by 422 with the reason, and counted") {
  Asking asking({.series = 10}, [](Asked const& asked) -> Result<graphite::Answer> {
    // Leaves off, as encoders do; nobody may take what it has by then for an answer.
    if (!graphite::charge(asked.budget, 11, 0)) return graphite::Answer{"text/plain", "half of it"};
    return graphite::Answer{"text/plain", "all"};
  });
  auto const got = asking.ask();
  REQUIRE(got);
  CHECK(got->status == 422);
  CHECK(got->body.find("more than 10 series: narrow the pattern") != std::string::npos);
  CHECK(asking.counts.refused(place_of("series")) == 1);
  CHECK(asking.counts.refused(place_of("points")) == 0);
}

TEST_CASE("a query that works too long is stopped, and counted") {
  Asking asking({.time = std::chrono::milliseconds(20)},
                [](Asked const& asked) -> Result<graphite::Answer> {
                  while (asked.budget->work(1)) continue;
                  return graphite::Answer{"text/plain", "never"};
                });
  auto const got = asking.ask();
  REQUIRE(got);
  CHECK(got->status == 422);
  CHECK(got->body.find("more than 20ms of work") != std::string::npos);
  CHECK(asking.counts.refused(place_of("time")) == 1);
}

TEST_CASE("a query stops when its client hangs up, and is counted") {
  std::atomic<bool> ended{false};
  Asking asking({.time = std::chrono::seconds(60)},
                [&](Asked const& asked) -> Result<graphite::Answer> {
                  while (asked.budget->work(1)) continue;
                  ended = true;
                  return asked.budget->go_on().error();
                });
  CHECK_FALSE(asking.ask(std::chrono::milliseconds(200)));  // the client's patience
  // The loop goes on, as a server's does, and sees the end of the connection.
  std::function<void()> const look = [&] {
    if (asking.counts.abandoned() > 0) return asking.loop.stop();
    asking.loop.post(look);
  };
  asking.loop.post(look);
  asking.loop.run();
  CHECK(ended);
  CHECK(asking.counts.abandoned() == 1);
}
