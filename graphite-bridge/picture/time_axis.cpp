#include "graphite-bridge/picture/time_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>

namespace dadvisor::graphite::picture {
namespace {

using namespace std::chrono_literals;

enum class ClockUnit { second, day, month, year };

struct TimeStep {
  ClockUnit unit;
  std::int64_t count;
  std::int64_t seconds;  // about so long
};

constexpr std::int64_t hour = 3600, day = 86400, month = 2629746, year = 31556952;
constexpr std::int64_t first_second = -62135596800, last_second = 253402300799;  // years 1 to 9999

constexpr std::array time_steps{
    TimeStep{ClockUnit::second, 1, 1},          TimeStep{ClockUnit::second, 2, 2},
    TimeStep{ClockUnit::second, 5, 5},          TimeStep{ClockUnit::second, 10, 10},
    TimeStep{ClockUnit::second, 15, 15},        TimeStep{ClockUnit::second, 30, 30},
    TimeStep{ClockUnit::second, 60, 60},        TimeStep{ClockUnit::second, 120, 120},
    TimeStep{ClockUnit::second, 300, 300},      TimeStep{ClockUnit::second, 600, 600},
    TimeStep{ClockUnit::second, 900, 900},      TimeStep{ClockUnit::second, 1800, 1800},
    TimeStep{ClockUnit::second, hour, hour},    TimeStep{ClockUnit::second, 7200, 7200},
    TimeStep{ClockUnit::second, 10800, 10800},  TimeStep{ClockUnit::second, 21600, 21600},
    TimeStep{ClockUnit::second, 43200, 43200},  TimeStep{ClockUnit::day, 1, day},
    TimeStep{ClockUnit::day, 2, 2 * day},       TimeStep{ClockUnit::day, 7, 7 * day},
    TimeStep{ClockUnit::day, 14, 14 * day},     TimeStep{ClockUnit::month, 1, month},
    TimeStep{ClockUnit::month, 2, 2 * month},   TimeStep{ClockUnit::month, 3, 3 * month},
    TimeStep{ClockUnit::month, 6, 6 * month},   TimeStep{ClockUnit::year, 1, year},
    TimeStep{ClockUnit::year, 2, 2 * year},     TimeStep{ClockUnit::year, 5, 5 * year},
    TimeStep{ClockUnit::year, 10, 10 * year},   TimeStep{ClockUnit::year, 20, 20 * year},
    TimeStep{ClockUnit::year, 50, 50 * year},   TimeStep{ClockUnit::year, 100, 100 * year},
    TimeStep{ClockUnit::year, 500, 500 * year}, TimeStep{ClockUnit::year, 1000, 1000 * year},
};

constexpr std::array month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array day_names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

// A local clock reading, taken apart.
struct LocalTime {
  int year, month, day, weekday, hour, minute, second;

  explicit LocalTime(std::int64_t local_seconds) {
    using namespace std::chrono;
    sys_seconds const time{seconds(local_seconds)};
    auto const date_days = floor<days>(time);
    year_month_day const date(date_days);
    hh_mm_ss const clock(time - date_days);
    year = static_cast<int>(date.year());
    month = static_cast<int>(static_cast<unsigned>(date.month()));
    day = static_cast<int>(static_cast<unsigned>(date.day()));
    weekday = static_cast<int>(std::chrono::weekday(date_days).c_encoding());
    hour = static_cast<int>(clock.hours().count());
    minute = static_cast<int>(clock.minutes().count());
    second = static_cast<int>(clock.seconds().count());
  }
  char const* month_name() const { return month_names[static_cast<std::size_t>(month - 1)]; }
  char const* day_name() const { return day_names[static_cast<std::size_t>(weekday)]; }
  bool is_midnight() const { return hour == 0 && minute == 0 && second == 0; }
};

std::int64_t local_midnight(int of_year, int of_month) {
  using namespace std::chrono;
  sys_days const date{std::chrono::year(of_year) /
                      std::chrono::month(static_cast<unsigned>(of_month)) / 1};
  return sys_seconds(date).time_since_epoch().count();
}

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  return value - ((value % step) + step) % step;
}

std::string formatted(std::string const& format, LocalTime const& at, std::int64_t offset) {
  std::tm parts{};
  parts.tm_year = at.year - 1900;
  parts.tm_mon = at.month - 1;
  parts.tm_mday = at.day;
  parts.tm_wday = at.weekday;
  parts.tm_yday = static_cast<int>(
      (floor_to(local_midnight(at.year, at.month), day) - local_midnight(at.year, 1)) / day +
      at.day - 1);
  parts.tm_hour = at.hour;
  parts.tm_min = at.minute;
  parts.tm_sec = at.second;
  parts.tm_gmtoff = offset;
  parts.tm_zone = "";
  std::array<char, 128> out;
  return {out.data(), std::strftime(out.data(), out.size(), format.c_str(), &parts)};
}

std::string label_of(TimeStep const& step, LocalTime const& at, bool has_context) {
  switch (step.unit) {
    case ClockUnit::second:
      if (!has_context && at.is_midnight()) {
        return fmt::format("{} {}", at.day, at.month_name());
      }
      if (step.seconds < 60) return fmt::format("{:02}:{:02}:{:02}", at.hour, at.minute, at.second);
      return fmt::format("{:02}:{:02}", at.hour, at.minute);
    case ClockUnit::day:
      if (has_context && step.count < 7) return fmt::format("{} {}", at.day_name(), at.day);
      return fmt::format("{} {}", at.day, at.month_name());
    case ClockUnit::month:
      if (!has_context && at.month == 1) return fmt::format("{}", at.year);
      return at.month_name();
    case ClockUnit::year:
      break;
  }
  return fmt::format("{}", at.year);
}

std::string context_of(TimeStep const& step, LocalTime const& at) {
  switch (step.unit) {
    case ClockUnit::second:
      return fmt::format("{} {} {} {}", at.day_name(), at.day, at.month_name(), at.year);
    case ClockUnit::day:
      if (step.count < 7) return fmt::format("{} {}", at.month_name(), at.year);
      return fmt::format("{}", at.year);
    case ClockUnit::month:
      return fmt::format("{}", at.year);
    case ClockUnit::year:
      break;
  }
  return {};
}

double widest_label(TimeStep const& step, TimeAxisRequest const& request,
                    TextWidth const& measure) {
  // A Wednesday in November: letters and digits as wide as they get.
  constexpr std::int64_t sample = 1290607200;  // Wed 24 Nov 2010 14:00 UTC
  LocalTime const at(sample);
  if (!request.format.empty()) return measure(formatted(request.format, at, 0), request.font);
  return measure(label_of(step, at, request.has_context), request.font);
}

// Moments at multiples of up to an hour on the local clock.
std::vector<std::int64_t> clock_times(TimeStep const& step, TimeAxisRequest const& request) {
  std::vector<std::int64_t> out;
  auto time = request.from;
  while (time <= request.until) {
    auto const local = time + request.zone.offset_at(time);
    auto const behind = local - floor_to(local, step.count);
    if (behind == 0) out.push_back(time);
    time += step.count - behind;
  }
  return out;
}

// Local clock readings from the last one before `from` on, of steps above an hour.
std::vector<std::int64_t> calendar_times(TimeStep const& step, TimeAxisRequest const& request) {
  std::vector<std::int64_t> out;
  auto const first = request.from + request.zone.offset_at(request.from);
  auto const last = request.until + request.zone.offset_at(request.until);
  auto const take = [&](std::int64_t local) {
    auto const time = request.zone.to_unix(local);
    bool const exists = time + request.zone.offset_at(time) == local;
    if (!exists && step.unit == ClockUnit::second) return;  // skipped by the clocks
    if (time >= request.from && time <= request.until) out.push_back(time);
  };
  if (step.unit == ClockUnit::second || step.unit == ClockUnit::day) {
    // Weeks begin on Mondays; 5 January 1970 was one.
    auto const shift = step.unit == ClockUnit::day && step.count % 7 == 0 ? 4 * day : 0;
    auto const stride = step.unit == ClockUnit::day ? step.count * day : step.count;
    for (auto local = floor_to(first - shift, stride) + shift; local <= last; local += stride) {
      take(local);
    }
    return out;
  }
  LocalTime const begin(first);
  auto const months = step.unit == ClockUnit::month ? step.count : step.count * 12;
  for (auto at = floor_to(begin.year * 12 + begin.month - 1, months);; at += months) {
    auto const local = local_midnight(static_cast<int>(at / 12), static_cast<int>(at % 12) + 1);
    if (local > last) return out;
    take(local);
  }
}

}  // namespace

std::vector<TimeTick> make_time_axis(TimeAxisRequest const& request, TextWidth const& measure) {
  if (request.from >= request.until || request.from < first_second || request.until > last_second)
    return {};
  double const seconds = static_cast<double>(request.until - request.from);
  double const gap = request.font.size * 1.4;
  auto const fits = [&](TimeStep const& step) {
    double const room = request.width * static_cast<double>(step.seconds) / seconds;
    return room >= 2 && room >= widest_label(step, request, measure) + gap;
  };
  auto const step = std::find_if(time_steps.begin(), time_steps.end(), fits);
  if (step == time_steps.end()) return {};
  bool const is_clock = step->unit == ClockUnit::second && step->count <= hour;
  std::vector<TimeTick> out;
  std::string context;
  for (auto const time : is_clock ? clock_times(*step, request) : calendar_times(*step, request)) {
    auto const offset = request.zone.offset_at(time);
    LocalTime const at(time + offset);
    TimeTick tick;
    tick.time = time;
    if (!request.format.empty()) {
      tick.label = formatted(request.format, at, offset);
    } else {
      tick.label = label_of(*step, at, request.has_context);
      auto const now = request.has_context ? context_of(*step, at) : std::string();
      if (now != context) tick.context = context = now;
    }
    out.push_back(std::move(tick));
  }
  return out;
}

}  // namespace dadvisor::graphite::picture
