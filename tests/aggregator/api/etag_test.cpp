#include "aggregator/api/etag.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::aggregator::api;

TEST_CASE("what the client has already is 304, anything else comes whole") {
  auto const answer = [](std::string body) { return http::json_response(200, std::move(body)); };
  auto const first = with_etag(answer("[1]"), "");
  REQUIRE(first.status == 200);
  CHECK(first.body == "[1]");
  std::string const tag(*http::header(first.headers, "ETag"));
  CHECK(tag.starts_with("W/\""));
  for (std::string const& wanted : {tag, tag.substr(2), "\"other\", " + tag, std::string("*")}) {
    auto const again = with_etag(answer("[1]"), wanted);
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(http::header(again.headers, "ETag") == std::string_view(tag));
    CHECK_FALSE(http::header(again.headers, "Content-Type"));
  }
  for (std::string const wanted : {"", "\"other\"", "W/", ","})
    CHECK(with_etag(answer("[1]"), wanted).status == 200);
  CHECK(with_etag(answer("[2]"), tag).status == 200);
  CHECK(with_etag(answer("[2]"), tag).body == "[2]");
}

TEST_CASE("only a success and only a GET can be not modified") {
  auto const failed = with_etag(http::text_response(400, "wrong\n"), "*");
  CHECK(failed.status == 400);
  CHECK_FALSE(http::header(failed.headers, "ETag"));
  CHECK(with_etag(http::text_response(200, std::string(5 << 20, 'x')), "*").status == 200);
  http::Request request;
  request.headers = {{"If-None-Match", "x"}};
  request.method = "POST";
  CHECK(if_none_match(request).empty());
  request.method = "GET";
  CHECK(if_none_match(request) == "x");
}
