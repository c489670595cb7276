#include "graphite-bridge/json_text.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

using namespace dadvisor::graphite;

TEST_CASE("names of any bytes are valid JSON") {
  JsonText json;
  json.string("a\"\\\n\x01\x7f\xc3\xb6\xf0\x9f\x98\x80\xff\xc0\xaf\xed\xa0\x80");
  CHECK(
      json.take() ==
      "\"a\\\"\\\\\\n\\u0001\\u007f\\u00f6\\ud83d\\ude00\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"
      "\"");
}

TEST_CASE("points of whole numbers have no point") {
  std::vector<double> const values{2, 0, std::nan(""), -7, 0.5, HUGE_VAL};
  JsonText json, pretty(true);
  json.points(values, 60, 10, true, nullptr, true);
  CHECK(json.take() == "[[2, 60], [0, 70], [null, 80], [-7, 90], [0.5, 100], [1e9999, 110]]");
  pretty.points(std::vector<double>{2}, 60, 10, true, nullptr, true);
  CHECK(pretty.take() == "[\n  [\n    2,\n    60\n  ]\n]");
}

TEST_CASE("points are arrays of two") {
  std::vector<double> values{0.5, -1e300, std::nan(""), HUGE_VAL, -HUGE_VAL, -1.0 / 3};
  for (int i = 0; i < 1000; ++i) values.push_back(-1.0 / 3 * 1e-200);  // the longest
  for (bool const pretty : {false, true})
    for (bool const with_absent : {false, true}) {
      JsonText json(pretty), apart(pretty);
      json.points(values, -1'800'000'000, 10, with_absent);
      apart.open_array();
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i]) && !with_absent) continue;
        apart.open_array();
        apart.number(values[i]);
        apart.integer(-1'800'000'000 + static_cast<std::int64_t>(i) * 10);
        apart.close_array();
      }
      apart.close_array();
      auto const text = json.take();
      CHECK(text == apart.take());
      CHECK(text.starts_with(pretty ? "[\n  [\n    0.5,\n    -1800000000\n  ],\n"
                                    : "[[0.5, -1800000000], [-1e+300, -1799999990], "));
      CHECK((text.find("null") != text.npos) == with_absent);
    }
}
