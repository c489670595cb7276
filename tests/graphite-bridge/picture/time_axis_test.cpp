#include "graphite-bridge/picture/time_axis.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace dadvisor::graphite;
using namespace dadvisor::graphite::picture;

namespace {

// Each letter 6 units wide: labels are countable by hand.
double six(std::string_view text, Font const&) { return 6 * static_cast<double>(text.size()); }

constexpr std::int64_t midnight = 1480291200;  // Mon 2016-11-28 00:00 UTC

TimeAxisRequest request(std::int64_t from, std::int64_t until, double width = 600) {
  TimeAxisRequest out;
  out.from = from;
  out.until = until;
  out.width = width;
  return out;
}

std::vector<std::string> labels(TimeAxisRequest const& of) {
  std::vector<std::string> out;
  for (auto const& tick : make_time_axis(of, six)) out.push_back(tick.label);
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a range of hours has the hours, and the day below the first and each new one") {
  // 600 units over 12 h: an hour has 50, "00:00" takes 30 and 14 of room.
  auto const ticks = make_time_axis(request(midnight + 6 * 3600, midnight + 18 * 3600), six);
  REQUIRE(ticks.size() == 13);
  CHECK(ticks[0] == TimeTick{midnight + 6 * 3600, "06:00", "Mon 28 Nov 2016"});
  CHECK(ticks[1] == TimeTick{midnight + 7 * 3600, "07:00", ""});
  auto const over_night = make_time_axis(request(midnight - 7200, midnight + 7200), six);
  std::vector<std::string> days;
  for (auto const& tick : over_night) {
    if (!tick.context.empty()) days.push_back(tick.label + " " + tick.context);
  }
  CHECK(days == Texts{"22:00 Sun 27 Nov 2016", "00:00 Mon 28 Nov 2016"});
}

TEST_CASE("every range has some labels, and room between them") {
  for (std::int64_t range = 2; range < 40LL * 366 * 86400; range = range * 3 / 2) {
    for (double const width : {250.0, 520.0, 1520.0}) {
      auto const of = request(midnight + 12345, midnight + 12345 + range, width);
      auto const ticks = make_time_axis(of, six);
      INFO(range << " s on " << width);
      CHECK(ticks.size() >= 1);
      for (std::size_t i = 1; i < ticks.size(); ++i) {
        double const apart = static_cast<double>(ticks[i].time - ticks[i - 1].time) /
                             static_cast<double>(range) * width;
        double const wide = six(ticks[i].label, {}) / 2 + six(ticks[i - 1].label, {}) / 2;
        CHECK(apart > wide);
      }
    }
  }
}

TEST_CASE("steps are those of clocks and calendars") {
  CHECK(labels(request(midnight, midnight + 60)) ==
        Texts{"00:00:00", "00:00:10", "00:00:20", "00:00:30", "00:00:40", "00:00:50", "00:01:00"});
  CHECK(labels(request(midnight, midnight + 4 * 86400)) ==
        Texts{"00:00", "12:00", "00:00", "12:00", "00:00", "12:00", "00:00", "12:00", "00:00"});
  CHECK(labels(request(midnight, midnight + 6 * 86400, 400)) ==
        Texts{"Mon 28", "Tue 29", "Wed 30", "Thu 1", "Fri 2", "Sat 3", "Sun 4"});
  // Weeks begin on Mondays.
  CHECK(labels(request(midnight, midnight + 28 * 86400, 400)) ==
        Texts{"28 Nov", "5 Dec", "12 Dec", "19 Dec", "26 Dec"});
  auto const months = make_time_axis(request(midnight, midnight + 200 * 86400, 400), six);
  REQUIRE(months.size() == 7);  // December to June
  CHECK(months[0].label == "Dec");
  CHECK(months[0].context == "2016");
  CHECK(months[1].label == "Jan");
  CHECK(months[1].context == "2017");
  CHECK(months[2].context.empty());
  CHECK(labels(request(0, midnight, 500)) ==
        Texts{"1970", "1975", "1980", "1985", "1990", "1995", "2000", "2005", "2010", "2015"});
}

TEST_CASE("without a second row the date stands at midnight") {
  auto of = request(midnight - 6 * 3600, midnight + 6 * 3600, 300);
  of.has_context = false;
  CHECK(labels(of) == Texts{"18:00", "20:00", "22:00", "28 Nov", "02:00", "04:00", "06:00"});
}

TEST_CASE("labels are local, through changes of the clock") {
  auto const berlin = TimeZone::load("Europe/Berlin");
  REQUIRE(berlin);
  // 2016-03-27 01:00 UTC: 02:00 becomes 03:00. From 00:00 to 06:00 local are 5 h.
  constexpr std::int64_t spring = 1459036800 - 3600;  // 2016-03-26 23:00 UTC = 27th 00:00 local
  auto of = request(spring, spring + 5 * 3600, 400);
  of.zone = *berlin;
  CHECK(labels(of) == Texts{"00:00", "01:00", "03:00", "04:00", "05:00", "06:00"});
  // 2016-10-30 01:00 UTC: 03:00 becomes 02:00, which comes twice.
  constexpr std::int64_t autumn = 1477778400;  // 2016-10-29 22:00 UTC = 30th 00:00 local
  of = request(autumn, autumn + 5 * 3600, 400);
  of.zone = *berlin;
  CHECK(labels(of) == Texts{"00:00", "01:00", "02:00", "02:00", "03:00", "04:00"});
  // Steps above an hour stay on the local clock on both sides of the change.
  of = request(autumn, autumn + 25 * 3600, 500);
  of.zone = *berlin;
  CHECK(labels(of) ==
        Texts{"00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "00:00"});
  // Half an hour beside UTC.
  auto const kolkata = TimeZone::load("Asia/Kolkata");
  REQUIRE(kolkata);
  of = request(midnight, midnight + 3 * 3600, 200);
  of.zone = *kolkata;
  CHECK(labels(of) == Texts{"06:00", "07:00", "08:00"});
}

TEST_CASE("a format of one's own is taken as strftime does") {
  auto of = request(midnight, midnight + 7200);
  of.format = "%d.%m. %H:%M";
  auto const ticks = make_time_axis(of, six);
  REQUIRE(!ticks.empty());
  CHECK(ticks[0].label == "28.11. 00:00");
  CHECK(ticks[0].context.empty());
  of.format = "%99999d";  // longer than any label
  CHECK_NOTHROW(make_time_axis(of, six));
}

TEST_CASE("a range that is none has no labels") {
  CHECK(make_time_axis(request(5, 5), six).empty());
  CHECK(make_time_axis(request(0, std::int64_t{1} << 60), six).empty());
  CHECK(make_time_axis(request(0, 3600, 0), six).empty());
}
