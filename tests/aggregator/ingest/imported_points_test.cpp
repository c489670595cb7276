#include "aggregator/ingest/imported_points.hpp"

#include <catch2/catch.hpp>

namespace dadvisor::aggregator::ingest {
namespace {

using Slots = std::map<std::int64_t, double>;

TEST_CASE("an import's lines are series and their points") {
  auto const all = parse_imported_points("=a.b 60\n120 1.5\n180 -2e-3 300\n=c;x=y\n0 7\n=d 10");
  REQUIRE(all);
  REQUIRE(all->size() == 3);
  CHECK(all->at(0).path == "a.b");
  CHECK(all->at(0).step == 60);
  REQUIRE(all->at(0).points.size() == 2);
  CHECK(all->at(0).points[0].time == 120);
  CHECK(all->at(0).points[0].value == 1.5);
  CHECK(all->at(0).points[0].span == 0);
  CHECK(all->at(0).points[1].value == -0.002);
  CHECK(all->at(0).points[1].span == 300);
  CHECK(all->at(1).path == "c;x=y");
  CHECK(all->at(1).step == 0);
  CHECK(all->at(1).points.size() == 1);
  CHECK(all->at(2).points.empty());
  CHECK(parse_imported_points("")->empty());
}

TEST_CASE("a line that is neither is refused by its number") {
  for (char const* const wrong :
       {"1 2", "=a\n1", "=a\n1 x", "=a\n1 nan", "=a\n1 inf", "=a\n-1 2", "=a\n1 2 0", "=a\n1 2 3 4",
        "=a 0", "=a x", "=", "=a\n\n", "=a\n1.5 2"}) {
    INFO(wrong);
    auto const read = parse_imported_points(wrong);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::malformed);
  }
  CHECK(parse_imported_points("=a\n1 2\nx").error().context.find("line 3") != std::string::npos);
}

Slots filled(std::vector<ImportedPoint> const& points, bool shared = false,
             std::int64_t archive = 60) {
  return slots_of(points, 60, shared, [archive](std::int64_t) { return archive; });
}

TEST_CASE("points fill slots, the last one of a slot counts") {
  CHECK(filled({{125, 1, 0}, {179, 2, 0}, {60, 3, 0}}) == Slots{{60, 3}, {120, 2}});
  CHECK(filled({{600, 8, 240}, {660, 1, 0}}) == Slots{{600, 8}, {660, 1}, {720, 8}, {780, 8}});
  CHECK(filled({{600, 8, 240}}, true) == Slots{{600, 2}, {660, 2}, {720, 2}, {780, 2}});
  CHECK(filled({{600, 8, 10}}, true) == Slots{{600, 8}});  // finer than the slots
}

TEST_CASE("a point of an age that has a coarser archive is that archive's, as in carbon") {
  CHECK(filled({{720, 5, 0}}, false, 300) ==
        Slots{{600, 5}, {660, 5}, {720, 5}, {780, 5}, {840, 5}});
  // Where there are several each holds up to the next one.
  CHECK(filled({{660, 1, 0}, {780, 2, 0}, {900, 9, 0}}, false, 300) == Slots{{600, 1},
                                                                             {660, 1},
                                                                             {720, 1},
                                                                             {780, 2},
                                                                             {840, 2},
                                                                             {900, 9},
                                                                             {960, 9},
                                                                             {1020, 9},
                                                                             {1080, 9},
                                                                             {1140, 9}});
  CHECK(filled({{660, 3, 0}, {780, 2, 0}}, true, 300) ==
        Slots{{600, 1}, {660, 1}, {720, 1}, {780, 1}, {840, 1}});
}

}  // namespace
}  // namespace dadvisor::aggregator::ingest
