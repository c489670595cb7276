#include "graphite-bridge/jsonp.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::graphite;

TEST_CASE("a callback is refused unless it is allowed and harmless") {
  CHECK(check_callback({}, false));
  CHECK_FALSE(check_callback({{"jsonp", "show"}}, false));
  CHECK(check_callback({{"jsonp", "show"}}, true));
  CHECK(check_callback({{"jsonp", "jQuery1_2.$cb"}}, true));
  for (auto const* wrong : {"", "alert(1)", "a b", "a;b", "a\n", "\xc3\xb6"})
    CHECK_FALSE(check_callback({{"jsonp", wrong}}, true));
  CHECK(check_callback({{"jsonp", std::string(64, 'a')}}, true));
  CHECK_FALSE(check_callback({{"jsonp", std::string(65, 'a')}}, true));
}

TEST_CASE("JSON is wrapped, an SVG as text, a picture as it is") {
  Parameters const parameters{{"jsonp", "f"}};
  auto const json = with_callback(parameters, {"application/json", "[1]"});
  CHECK(json.content_type == "text/javascript");
  CHECK(json.body == "/**/f([1])");
  CHECK(with_callback(parameters, {"image/svg+xml", "<a b=\"c\">"}).body ==
        "/**/f(\"<a b=\\\"c\\\">\")");
  auto const png = with_callback(parameters, {"image/png", "x"});
  CHECK(png.content_type == "image/png");
  CHECK(png.body == "x");
  CHECK(with_callback({}, {"application/json", "[1]"}).body == "[1]");
}
