#pragma once
// The time axis: which moments are written below the plot, and how, in a zone's local time. Pure,
// any thread.
//
// Steps are those of a clock and a calendar (1, 2, 5, 10, 15, 30 s and min; 1, 2, 3, 6, 12 h; days,
// weeks, months, years), the finest whose labels have room. A moment that the clocks skip in spring
// has no label, an hour that they repeat in autumn has its labels twice.

#include <cstdint>
#include <string>
#include <vector>

#include "graphite-bridge/picture/text.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite::picture {

struct TimeTick {
  std::int64_t time = 0;  // unix seconds
  std::string label;      // "06:00"
  std::string context;    // what it belongs to, where that begins: "Mon 28 Nov 2016"; else empty
  bool operator==(TimeTick const&) const = default;
};

struct TimeAxisRequest {
  std::int64_t from = 0;  // unix seconds
  std::int64_t until = 0;
  TimeZone zone = TimeZone::utc();
  double width = 0;         // units
  std::string format;       // as strftime; empty: by the step
  bool has_context = true;  // a second row; without it the date stands in the first one
  Font font;
};

// Ascending; none when the range is empty or beyond the year 9999.
std::vector<TimeTick> make_time_axis(TimeAxisRequest const& request, TextWidth const& measure);

}  // namespace dadvisor::graphite::picture
