#include "graphite-bridge/output.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "graphite-bridge/json_text.hpp"

using namespace dadvisor::graphite;

namespace {

Series series(std::string name, std::int64_t start, std::int64_t step, std::vector<double> values) {
  Series out;
  out.tags["name"] = name;
  out.name = std::move(name);
  out.start = start;
  out.step = step;
  out.end = start + step * static_cast<std::int64_t>(values.size());
  out.values = std::move(values);
  return out;
}

}  // namespace

TEST_CASE("JSON is written as Graphite's clients know it") {
  CHECK(to_json({series("a.b", 60, 60, {42, absent, 2e300, HUGE_VAL, -HUGE_VAL})}, {}) ==
        "[{\"target\": \"a.b\", \"tags\": {\"name\": \"a.b\"}, \"datapoints\": [[42.0, 60], "
        "[null, 120], [2e+300, 180], [1e9999, 240], [-1e9999, 300]]}]");
  CHECK(to_json({}, {}) == "[]");
}

TEST_CASE("pretty JSON has one element a line") {
  JsonOptions options;
  options.pretty = true;
  options.no_null_points = true;
  CHECK(to_json({series("a", 60, 60, {absent, 97.5})}, options) ==
        "[\n  {\n    \"target\": \"a\",\n    \"tags\": {\n      \"name\": \"a\"\n    },\n"
        "    \"datapoints\": [\n      [\n        97.5,\n        120\n      ]\n    ]\n  }\n]");
  CHECK(to_json({}, options) == "[]");
}

TEST_CASE("no series is written with empty datapoints") {
  CHECK(to_json({series("a", 60, 60, {})}, {}) == "[]");
  JsonOptions options;
  options.no_null_points = true;
  CHECK(to_json({series("a", 60, 60, {absent, absent})}, options) == "[]");
  options.no_null_points = false;
  CHECK(to_json({series("a", 60, 60, {absent})}, options).find("[null, 60]") != std::string::npos);
}

TEST_CASE("names of any bytes are valid JSON") {
  JsonText json;
  json.string("a\"\\\n\x01\x7f\xc3\xb6\xf0\x9f\x98\x80\xff\xc0\xaf\xed\xa0\x80");
  CHECK(
      json.take() ==
      "\"a\\\"\\\\\\n\\u0001\\u007f\\u00f6\\ud83d\\ude00\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"
      "\"");
}

TEST_CASE("fewer points begin at multiples of the new step") {
  // Start 70, step 10, 20 points: 5 points are 4 values each, groups from 80 on.
  std::vector<double> values;
  for (int i = 0; i < 20; ++i) values.push_back(i);
  SeriesList list{series("a", 70, 10, values)};
  limit_points(list, 5);
  REQUIRE(list[0].step == 40);
  CHECK(list[0].start == 80);
  // Graphite loses one value less than it moves the start by.
  CHECK(list[0].values == std::vector<double>{1.5, 5.5, 9.5, 13.5, 17.5});
}

TEST_CASE("the range over all series decides how many points are one") {
  SeriesList list{series("fine", 0, 10, std::vector<double>(60, 1.0)),
                  series("coarse", 0, 60, std::vector<double>(100, 1.0))};
  limit_points(list, 100);
  CHECK(list[0].step == 60);
  CHECK(list[1].step == 60);
}

TEST_CASE("one point is all values at the start") {
  SeriesList list{series("a", 70, 10, {1, 2, 6})};
  limit_points(list, 1);
  CHECK(list[0].start == 70);
  CHECK(list[0].values == std::vector<double>{3});
}

TEST_CASE("a short series beside a long one keeps a point") {
  SeriesList list{series("long", 10, 10, std::vector<double>(1000, 1.0)),
                  series("short", 10, 10, {7})};
  limit_points(list, 10);
  CHECK(list[1].values == std::vector<double>{7});
  limit_points(list, 0);
  CHECK(list[1].values.size() == 1);
}

TEST_CASE("CSV has local times, quotes as Python does") {
  CHECK(to_csv({series("a,\"b", 1480294860, 60, {absent, 97.5})}, TimeZone::utc()) ==
        "\"a,\"\"b\",2016-11-28 01:01:00,\r\n\"a,\"\"b\",2016-11-28 01:02:00,97.5\r\n");
}

TEST_CASE("raw has one series a line") {
  CHECK(to_raw({series("a", 60, 60, {2e300, absent, 1}), series("b", 0, 10, {0.5})}) ==
        "a,60,240,60|2e+300,None,1.0\nb,0,10,10|0.5\n");
}
