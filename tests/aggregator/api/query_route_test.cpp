#include "aggregator/api/query_route.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>

#include "common/http/client.hpp"
#include "common/http/server.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::api;

TEST_CASE("a query that throws is answered by 500, and the next one goes on") {
  SystemClock const clock;
  QueryPool pool(1, 10);
  bool broken = true;
  auto handler = on_pool({pool, clock}, [&](Asked const&) -> Result<graphite::Answer> {
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
