#include "graphite-bridge/functions/calendar.hpp"

#include <chrono>

#include "graphite-bridge/character.hpp"

namespace dadvisor::graphite::functions {

std::optional<CalendarUnit> find_calendar_unit(std::string_view name) {
  using enum CalendarUnit::Kind;
  if (name.starts_with('s')) return second;
  if (name.starts_with("min")) return minute;
  if (name.starts_with('h')) return hour;
  if (name.starts_with('d')) return day;
  if (name.starts_with("mon")) return month;
  if (name.starts_with('y')) return year;
  if (!name.starts_with('w')) return std::nullopt;
  CalendarUnit out(week);
  char const last = name.back();
  if (last >= '1' && last <= '7') {
    out.first_weekday = last - '0';
  } else if (!is_letter(last)) {
    return std::nullopt;
  }
  return out;
}

std::int64_t begin_of(CalendarUnit unit, std::int64_t unix_seconds, TimeZone const& zone) {
  using namespace std::chrono;
  if (unit.kind == CalendarUnit::second) return unix_seconds;
  sys_seconds const local(std::chrono::seconds(unix_seconds + zone.offset_at(unix_seconds)));
  auto const today = floor<days>(local);
  year_month_day const date(today);
  sys_seconds begin = local;
  switch (unit.kind) {
    case CalendarUnit::second:
      break;
    case CalendarUnit::minute:
      begin = floor<minutes>(local);
      break;
    case CalendarUnit::hour:
      begin = floor<hours>(local);
      break;
    case CalendarUnit::day:
      begin = today;
      break;
    case CalendarUnit::week:
      begin = today - (weekday(today) - weekday(static_cast<unsigned>(unit.first_weekday)));
      break;
    case CalendarUnit::month:
      begin = sys_days(date.year() / date.month() / 1);
      break;
    case CalendarUnit::year:
      begin = sys_days(date.year() / 1 / 1);
      break;
  }
  // Within one offset nothing but the distance counts: an hour that is there twice stays itself.
  auto const moved = unix_seconds - (local - begin).count();
  if (zone.offset_at(moved) == zone.offset_at(unix_seconds)) return moved;
  return zone.to_unix(begin.time_since_epoch().count());
}

}  // namespace dadvisor::graphite::functions
