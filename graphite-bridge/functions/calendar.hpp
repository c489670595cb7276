#pragma once
// Where the hour, the day, the week ... of a moment begins on the clocks of a time zone. Pure, any
// thread.

#include <cstdint>
#include <optional>
#include <string_view>

#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite::functions {

// A week begins on the day that it is called by: 1, Monday, to 7, Sunday.
struct CalendarUnit {
  enum Kind { second, minute, hour, day, week, month, year };
  Kind kind = second;
  int first_weekday = 1;
  CalendarUnit(Kind of) : kind(of) {}
};

// "hours", "h", "weeks", "weeks7"; by the beginning of the word, as Graphite reads units. Absent
// when there is no such unit or weekday.
std::optional<CalendarUnit> find_calendar_unit(std::string_view name);

// Unix seconds. Where a change of the clocks lies between, it is still midnight there; graphite-web
// is off by the change.
std::int64_t begin_of(CalendarUnit unit, std::int64_t unix_seconds, TimeZone const& zone);

}  // namespace dadvisor::graphite::functions
