#include "graphite-bridge/json_text.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace dadvisor::graphite;

TEST_CASE("names of any bytes are valid JSON") {
  JsonText json;
  json.string("a\"\\\n\x01\x7f\xc3\xb6\xf0\x9f\x98\x80\xff\xc0\xaf\xed\xa0\x80");
  CHECK(
      json.take() ==
      "\"a\\\"\\\\\\n\\u0001\\u007f\\u00f6\\ud83d\\ude00\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"
      "\"");
}

TEST_CASE("a pair is an array of two") {
  for (bool const pretty : {false, true}) {
    JsonText json(pretty), apart(pretty);
    json.open_array();
    apart.open_array();
    for (double const value : {0.5, -1e300, std::nan(""), HUGE_VAL, -HUGE_VAL, -1.0 / 3}) {
      json.pair(value, -1800000000);
      apart.open_array();
      apart.number(value);
      apart.integer(-1800000000);
      apart.close_array();
    }
    json.close_array();
    apart.close_array();
    auto const text = json.take();
    CHECK(text == apart.take());
    CHECK(text.starts_with(pretty ? "[\n  [\n    0.5,\n" : "[[0.5, -1800000000], [-1e+300, "));
  }
}
