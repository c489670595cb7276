#include "graphite-bridge/format/json_series.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "made_series.hpp"

using namespace dadvisor::graphite;
using test::series;

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

TEST_CASE("dygraph has a row a time, in milliseconds") {
  CHECK(to_dygraph({series("a", 60, 10, {1, absent, HUGE_VAL}), series("b\"", 60, 10, {0.5})}) ==
        "{\"labels\": [\"Time\", \"a\", \"b\\\"\"], \"data\": [[60000, 1.0, 0.5], "
        "[70000, null, null], [80000, 1e9999, null]]}");
  CHECK(to_dygraph({}) == "{}");
}

TEST_CASE("whole numbers have no point in JSON, each series for itself") {
  auto one = series("a", 60, 10, {2, absent});
  one.whole = true;
  auto const other = series("b", 60, 10, {2, 3});
  CHECK(
      to_json({one, other}, {}) ==
      "[{\"target\": \"a\", \"tags\": {\"name\": \"a\"}, \"datapoints\": [[2, 60], [null, 70]]}, "
      "{\"target\": \"b\", \"tags\": {\"name\": \"b\"}, \"datapoints\": [[2.0, 60], [3.0, 70]]}]");
  CHECK(to_dygraph({one, other}) ==
        "{\"labels\": [\"Time\", \"a\", \"b\"], \"data\": [[60000, 2, 2.0], [70000, null, 3.0]]}");
  CHECK(to_rickshaw({one}, false) ==
        "[{\"target\": \"a\", \"datapoints\": [{\"x\": 60, \"y\": 2}, {\"x\": 70, \"y\": null}]}]");
}

TEST_CASE("rickshaw has a point an object") {
  CHECK(to_rickshaw({series("a", 60, 10, {1.5, absent})}, false) ==
        "[{\"target\": \"a\", \"datapoints\": [{\"x\": 60, \"y\": 1.5}, "
        "{\"x\": 70, \"y\": null}]}]");
  CHECK(to_rickshaw({}, true) == "[]");
}
