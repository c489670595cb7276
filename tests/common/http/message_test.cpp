#include "common/http/message.hpp"

#include <catch2/catch.hpp>

#include "common/http/gzip.hpp"
#include "common/http/url.hpp"

using namespace dadvisor;
using namespace dadvisor::http;

TEST_CASE("a form is read as browsers write it and as Grafana does") {
  auto const fields = parse_form("target=sumSeries%28a.%2A%29&from=-1h&target=b+c&empty=&bare");
  REQUIRE(fields.size() == 5);
  CHECK(fields[0] == std::pair<std::string, std::string>("target", "sumSeries(a.*)"));
  CHECK(fields[2].second == "b c");
  CHECK(fields[3].second.empty());
  CHECK(fields[4].first == "bare");
  // Grafana's find: the glob is not encoded.
  CHECK(parameter(parse_form("query=dadvisor.{a,b}.*.cpu[0-9]"), "query") ==
        "dadvisor.{a,b}.*.cpu[0-9]");
  // ';' belongs to tagged names, a stray '%' to itself, '=' to the value after the first.
  CHECK(parameter(parse_form("target=cpu;host=a&x=1"), "target") == "cpu;host=a");
  CHECK(parameter(parse_form("x=100%&y=%zz%4"), "x") == "100%");
  CHECK(parameter(parse_form("x=100%&y=%zz%4"), "y") == "%zz%4");
  CHECK(parse_form("&&").empty());
}

TEST_CASE("a form in the body joins the query") {
  Request request;
  request.parameters = parse_form("format=json");
  request.headers = {{"content-type", "Application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = "target=a&format=csv\n";
  auto const merged = merged_parameters(request);
  REQUIRE(merged.size() == 3);
  CHECK(parameter(merged, "format") == "json");
  CHECK(merged[2].second == "csv");
  request.headers = {{"Content-Type", "application/json"}};
  CHECK(merged_parameters(request).size() == 1);
}

TEST_CASE("percent encoding comes back") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  CHECK(percent_decode(percent_encode(bytes), true) == bytes);
  CHECK(percent_encode("a b") == "a%20b");
}

TEST_CASE("URLs of peers are parsed") {
  auto const url = parse_url("http://[::1]:8686/api?x=1#part");
  REQUIRE(url);
  CHECK(url->origin == Origin{"::1", 8686, ""});
  CHECK(url->target == "/api?x=1");
  CHECK(to_string(url->origin) == "[::1]:8686");
  CHECK(parse_url("http://example.org")->origin.port == 80);
  CHECK(parse_url("http://example.org")->target == "/");
  CHECK(parse_url("http://a:1?x")->target == "/?x");
  CHECK(parse_url("unix:/run/x.sock")->origin.socket_path == "/run/x.sock");
  CHECK(parse_url("http://a:1")->origin.tls == false);
  CHECK(parse_url("https://a")->origin == Origin{"a", 443, "", true});
  CHECK(parse_url("https://a:8686/x")->origin == Origin{"a", 8686, "", true});
  CHECK(parse_url("ftp://a").error().code == Errc::unsupported);
  for (auto const* bad :
       {"", "a:80", "http://", "http://:80", "http://a:99999", "http://a:b", "http://u:p@a",
        "http://a b", "http://::1:80", "http://[::1", "http://a\r\nX: y"}) {
    INFO(bad);
    auto const result = parse_url(bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::malformed);
  }
}

TEST_CASE("a client's wish for gzip is understood") {
  CHECK(accepts_gzip("gzip"));
  CHECK(accepts_gzip("deflate, gzip;q=0.5, br"));
  CHECK_FALSE(accepts_gzip("gzip;q=0"));
  CHECK_FALSE(accepts_gzip("gzip;q=0.00"));
  CHECK_FALSE(accepts_gzip("deflate"));
  CHECK_FALSE(accepts_gzip(""));
  CHECK_FALSE(gzip("x"));  // would grow
  auto const packed = gzip(std::string(10'000, 'a'));
  REQUIRE(packed);
  CHECK(packed->size() < 200);
  CHECK(packed->substr(0, 2) == "\x1f\x8b");
}
