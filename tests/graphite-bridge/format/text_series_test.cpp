#include "graphite-bridge/format/text_series.hpp"

#include <catch2/catch.hpp>

#include "made_series.hpp"

using namespace dadvisor::graphite;
using test::series;

TEST_CASE("CSV has local times, quotes as Python does") {
  CHECK(to_csv({series("a,\"b", 1480294860, 60, {absent, 97.5})}, TimeZone::utc()) ==
        "\"a,\"\"b\",2016-11-28 01:01:00,\r\n\"a,\"\"b\",2016-11-28 01:02:00,97.5\r\n");
}

TEST_CASE("whole numbers have no point in text") {
  auto one = series("a", 60, 60, {2, absent, -1});
  one.whole = true;
  CHECK(to_raw({one}) == "a,60,240,60|2,None,-1\n");
  CHECK(to_csv({one}, TimeZone::utc()) ==
        "a,1970-01-01 00:01:00,2\r\na,1970-01-01 00:02:00,\r\na,1970-01-01 00:03:00,-1\r\n");
}

TEST_CASE("raw has one series a line") {
  CHECK(to_raw({series("a", 60, 60, {2e300, absent, 1}), series("b", 0, 10, {0.5})}) ==
        "a,60,240,60|2e+300,None,1.0\nb,0,10,10|0.5\n");
}
