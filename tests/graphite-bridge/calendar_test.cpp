// Moments in Berlin, worked out with Python's zoneinfo.

#include "graphite-bridge/functions/calendar.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::graphite;
using functions::begin_of;
using functions::CalendarUnit;
using functions::find_calendar_unit;

namespace {

TimeZone berlin() {
  auto const zone = TimeZone::load("Europe/Berlin");
  REQUIRE(zone);
  return *zone;
}

}  // namespace

TEST_CASE("units of time are told by the beginning of their names") {
  CHECK(find_calendar_unit("seconds")->kind == CalendarUnit::second);
  CHECK(find_calendar_unit("min")->kind == CalendarUnit::minute);
  CHECK(find_calendar_unit("hours")->kind == CalendarUnit::hour);
  CHECK(find_calendar_unit("d")->kind == CalendarUnit::day);
  CHECK(find_calendar_unit("months")->kind == CalendarUnit::month);
  CHECK(find_calendar_unit("years")->kind == CalendarUnit::year);
  CHECK(find_calendar_unit("weeks")->first_weekday == 1);
  CHECK(find_calendar_unit("weeks7")->first_weekday == 7);
  for (char const* wrong : {"", "m", "1d", "weeks0", "weeks8", "fortnight"}) {
    CAPTURE(wrong);
    CHECK_FALSE(find_calendar_unit(wrong));
  }
}

TEST_CASE("units begin by the clocks of the zone") {
  auto const zone = berlin();
  constexpr std::int64_t wednesday = 1480517251;  // 2016-11-30 15:47:31
  CHECK(begin_of(CalendarUnit::second, wednesday, zone) == wednesday);
  CHECK(begin_of(CalendarUnit::minute, wednesday, zone) == 1480517220);
  CHECK(begin_of(CalendarUnit::hour, wednesday, zone) == 1480514400);
  CHECK(begin_of(CalendarUnit::day, wednesday, zone) == 1480460400);
  CHECK(begin_of(CalendarUnit::week, wednesday, zone) == 1480287600);             // Monday
  CHECK(begin_of(*find_calendar_unit("weeks3"), wednesday, zone) == 1480460400);  // the day itself
  CHECK(begin_of(*find_calendar_unit("weeks4"), wednesday, zone) == 1479942000);  // Thursday
  CHECK(begin_of(CalendarUnit::year, wednesday, zone) == 1451602800);
}

TEST_CASE("a change of the clocks in between does not move midnight") {
  auto const zone = berlin();
  constexpr std::int64_t noon = 1477825200;  // 2016-10-30 12:00, summer time ended at 3:00
  CHECK(begin_of(CalendarUnit::day, noon, zone) == 1477778400);
  CHECK(begin_of(CalendarUnit::month, noon, zone) == 1475272800);
  // 2:30 is there twice: both belong to an hour that begins at 2:00 of their own.
  CHECK(begin_of(CalendarUnit::hour, 1477787400, zone) == 1477785600);
  CHECK(begin_of(CalendarUnit::hour, 1477791000, zone) == 1477789200);
}
