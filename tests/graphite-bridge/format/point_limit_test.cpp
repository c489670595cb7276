#include "graphite-bridge/format/point_limit.hpp"

#include <catch2/catch.hpp>

#include "made_series.hpp"

using namespace dadvisor::graphite;
using test::series;

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
