#include "graphite-bridge/time_spec.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

// Monday 2016-11-28 06:00:00 UTC.
constexpr std::int64_t now = 1480312800;
constexpr std::int64_t midnight = 1480291200;
constexpr std::int64_t day = 86400;

std::int64_t at(std::string const& text) {
  auto const time = parse_time(text, now, TimeZone::utc());
  if (!time) FAIL(time.error().context);
  return *time;
}

}  // namespace

TEST_CASE("offsets add up under one sign") {
  CHECK(*parse_time_offset("") == 0);
  CHECK(*parse_time_offset("5min") == 300);
  CHECK(*parse_time_offset("-1h") == -3600);
  CHECK(*parse_time_offset("+1d12h") == 36 * 3600);
  CHECK(*parse_time_offset("-5h30min") == -19800);
  CHECK(*parse_time_offset("1mon") == 30 * day);
  CHECK(*parse_time_offset("1month") == 30 * day);
  CHECK(*parse_time_offset("2weeks") == 14 * day);
  CHECK(*parse_time_offset("1y") == 365 * day);
  CHECK(*parse_time_offset("10s") == 10);
  for (char const* text : {"5", "min", "5m", "1h-30min", "5x", "1.5h", "*1h",
                           "99999999999999999999s", "9999999999d"}) {
    CAPTURE(text);
    auto const offset = parse_time_offset(text);
    REQUIRE_FALSE(offset);
    CHECK(offset.error().code == Errc::malformed);
  }
}

TEST_CASE("epochs, now and offsets from now") {
  CHECK(at("1480294800") == 1480294800);
  CHECK(at("now") == now);
  CHECK(at("") == now);
  CHECK(at("-1h") == now - 3600);
  CHECK(at("now-5min") == now - 300);
  CHECK(at("NOW+1D") == now + day);
  CHECK(at("12345678") == 12345678);  // month 56: no date
}

TEST_CASE("times of day and days") {
  CHECK(at("midnight") == midnight);
  CHECK(at("midnight+1h") == midnight + 3600);
  CHECK(at("noon_yesterday") == midnight - day / 2);
  CHECK(at("teatime") == midnight + 16 * 3600);
  CHECK(at("01:10_20161128") == midnight + 4200);
  CHECK(at("1:10") == midnight + 4200);
  CHECK(at("2pm") == midnight + 14 * 3600);
  CHECK(at("12pm") == midnight);  // as graphite-web has it
  CHECK(at("2:30pm today") == midnight + 14 * 3600 + 1800);
  CHECK(at("today") == midnight);
  CHECK(at("tomorrow") == midnight + day);
  CHECK(at("20161127") == midnight - day);
  CHECK(at("11/27/2016") == midnight - day);
  CHECK(at("11/27/16") == midnight - day);
  CHECK(at("nov27") == midnight - day);
  CHECK(at("november 7") == midnight - 21 * day);
  CHECK(at("monday") == midnight);
  CHECK(at("sun") == midnight - day);
  CHECK(at("tuesday") == midnight - 6 * day);
}

TEST_CASE("midnight is the zone's") {
  auto const shanghai = TimeZone::load("Asia/Shanghai");
  if (!shanghai) {
    WARN("no zoneinfo files on this machine");
    return;
  }
  CHECK(*parse_time("midnight", now, *shanghai) == midnight - 8 * 3600);
  CHECK(*parse_time("20161128", now, *shanghai) == midnight - 8 * 3600);
  CHECK(*parse_time("1480294800", now, *shanghai) == 1480294800);
}

TEST_CASE("what is no time is malformed") {
  for (char const* text :
       {"someday", "25:00", "1:75", "feb30", "13/01/2016", "february", "-1h-30min", "now-1",
        "20161301x", "99999999999999", "1h", "x:10", "jan", "20160230"}) {
    CAPTURE(text);
    auto const time = parse_time(text, now, TimeZone::utc());
    REQUIRE_FALSE(time);
    CHECK(time.error().code == Errc::malformed);
  }
}
