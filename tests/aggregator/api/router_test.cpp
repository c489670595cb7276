#include "aggregator/api/router.hpp"

#include <catch2/catch.hpp>

#include "aggregator/api/graphite_routes.hpp"
#include "common/http/client.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::api;

namespace {

// No series at all.
class EmptySource final : public graphite::SeriesSource {
 public:
  Result<std::vector<graphite::Series>> fetch(std::string_view,
                                              graphite::Window const&) const override {
    return std::vector<graphite::Series>{};
  }
  Result<std::vector<graphite::FoundNode>> find(std::string_view,
                                                graphite::Window const&) const override {
    return std::vector<graphite::FoundNode>{};
  }
};

// A server with the Graphite paths, asked over a real socket, one request at a time.
class Served {
 public:
  Served() {
    add_graphite_routes(router_, source_, {pool_, clock_, counts_});
    router_.add("/only-get", "GET", [](http::Request request, http::Responder respond) {
      respond(http::text_response(200, request.path));
    });
    http::ServerOptions options;
    auto server = http::Server::listen(loop_, options, router_, Log("test", LogLevel::error));
    REQUIRE(server);
    server_ = std::move(*server);
    http::Origin origin;
    origin.host = "127.0.0.1";
    origin.port = server_->port();
    client_ = std::make_unique<http::Client>(loop_, origin);
  }

  http::Response ask(std::string method, std::string target, std::string form = "") {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    if (!form.empty())
      request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = std::move(form);
    http::Response got;
    client_->request(std::move(request), [&](Result<http::Response> response) {
      REQUIRE(response);
      got = std::move(*response);
      loop_.stop();
    });
    loop_.run();
    return got;
  }

 private:
  EmptySource source_;
  SystemClock clock_;
  QueryCounts counts_;
  QueryPool pool_{1, 10};
  Router router_;
  http::Loop loop_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace

TEST_CASE("a path is found with a trailing slash and without") {
  Served served;
  CHECK(served.ask("GET", "/only-get").body == "/only-get");
  CHECK(served.ask("GET", "/only-get/").body == "/only-get");
  CHECK(served.ask("GET", "/only-get/below").status == 404);
}

TEST_CASE("an unknown path is 404, a wrong method 405 with what is allowed") {
  Served served;
  auto const unknown = served.ask("GET", "/nothing");
  CHECK(unknown.status == 404);
  CHECK(unknown.body == "no such path: /nothing\n");
  auto const wrong = served.ask("DELETE", "/render");
  CHECK(wrong.status == 405);
  CHECK(http::header(wrong.headers, "Allow") == "GET, POST");
}

TEST_CASE("render merges the query string and the form") {
  Served served;
  // constantLine needs a target only; from the URL comes the format, from the form the target.
  auto const merged =
      served.ask("POST", "/render?format=csv", "target=constantLine(7.5)&until=now");
  CHECK(merged.status == 200);
  CHECK(merged.body.starts_with("7.5,"));
  CHECK(served.ask("POST", "/render?target=constantLine(7)&format=csv").status == 200);
}

TEST_CASE("nothing found is an empty list, a wrong target 400 with one line of text") {
  Served served;
  auto const nothing = served.ask("GET", "/render?target=NonExistingTarget&format=json");
  CHECK(nothing.status == 200);
  CHECK(nothing.body == "[]");
  for (auto const* target : {"sumSeries(a.b", "noSuchFunction(a)", "scale(a)"}) {
    auto const wrong = served.ask("GET", "/render?target=" + http::percent_encode(target));
    CHECK(wrong.status == 400);
    CHECK(std::count(wrong.body.begin(), wrong.body.end(), '\n') == 1);
  }
}

TEST_CASE("Grafana's way to find: a form that is not encoded") {
  Served served;
  auto const found =
      served.ask("POST", "/metrics/find?from=-1h&until=now", "query=dadvisor.{a,b}.*");
  CHECK(found.status == 200);
  CHECK(found.body == "[]");
  CHECK(served.ask("GET", "/metrics/find").status == 400);
}

TEST_CASE("version and functions answer as Grafana reads them") {
  Served served;
  CHECK(served.ask("GET", "/version").body == "1.1.8\n");
  CHECK(served.ask("GET", "/functions").body.find("\"sumSeries\"") != std::string::npos);
  CHECK(served.ask("GET", "/functions/scale").status == 200);
  CHECK(served.ask("GET", "/functions/nothing").status == 404);
}

TEST_CASE("errors of a query become the status that tells whose fault it was") {
  CHECK(error_response(Error{Errc::malformed, 0, "x"}).status == 400);
  CHECK(error_response(Error{Errc::too_large, 0, "x"}).status == 422);
  CHECK(error_response(Error{Errc::unavailable, 0, "x"}).status == 503);
  CHECK(error_response(Error{Errc::io, 0, "x"}).body == "x\n");
}
