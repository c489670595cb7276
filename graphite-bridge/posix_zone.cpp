#include "graphite-bridge/posix_zone.hpp"

#include <chrono>

namespace dadvisor::graphite {
namespace {

using std::string_view;

bool take(string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_number(string_view& text, int& out) {
  std::size_t digits = 0;
  out = 0;
  while (digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9') {
    out = out * 10 + (text[digits++] - '0');
  }
  text.remove_prefix(digits);
  return digits > 0;
}

// "CET" or "<+03>".
bool take_name(string_view& text) {
  if (take(text, '<')) {
    auto const close = text.find('>');
    if (close == string_view::npos) return false;
    text.remove_prefix(close + 1);
    return true;
  }
  std::size_t letters = 0;
  while (letters < text.size() && ((text[letters] | 0x20) >= 'a') &&
         ((text[letters] | 0x20) <= 'z')) {
    ++letters;
  }
  text.remove_prefix(letters);
  return letters >= 3;
}

// [+-]hh[:mm[:ss]]
bool take_time(string_view& text, std::int64_t& out) {
  std::int64_t const sign = take(text, '-') ? -1 : 1;
  if (sign > 0) take(text, '+');
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  if (!take_number(text, hours)) return false;
  if (take(text, ':') && !take_number(text, minutes)) return false;
  if (take(text, ':') && !take_number(text, seconds)) return false;
  out = sign * (std::int64_t{hours} * 3600 + minutes * 60 + seconds);
  return true;
}

}  // namespace

bool PosixZone::take_change(string_view& text, Change& change) {
  if (!take(text, ',')) return false;
  if (take(text, 'M')) {
    if (!take_number(text, change.month) || !take(text, '.') || !take_number(text, change.week) ||
        !take(text, '.') || !take_number(text, change.day)) {
      return false;
    }
    if (change.month < 1 || change.month > 12 || change.week < 1 || change.week > 5 ||
        change.day > 6) {
      return false;
    }
  } else {
    change.kind = take(text, 'J') ? Change::Kind::julian : Change::Kind::zero_based;
    if (!take_number(text, change.day) || change.day > 365) return false;
  }
  return !take(text, '/') || take_time(text, change.time);
}

std::int64_t PosixZone::Change::in_year(int year) const {
  using namespace std::chrono;
  constexpr std::int64_t day_seconds = 86400;
  std::chrono::year const y(year);
  if (kind == Kind::month_week) {
    std::chrono::month const m(static_cast<unsigned>(month));
    weekday const wanted(static_cast<unsigned>(day));
    sys_days const date = week == 5 ? sys_days(y / m / wanted[last])
                                    : sys_days(y / m / wanted[static_cast<unsigned>(week)]);
    return date.time_since_epoch().count() * day_seconds + time;
  }
  int index = day;
  if (kind == Kind::julian) index = day - 1 + (y.is_leap() && day >= 60 ? 1 : 0);
  return (sys_days(y / January / 1).time_since_epoch().count() + index) * day_seconds + time;
}

std::optional<PosixZone> PosixZone::parse(string_view text) {
  PosixZone out;
  std::int64_t west = 0;
  if (!take_name(text) || !take_time(text, west)) return std::nullopt;
  out.standard_.seconds = -west;
  if (text.empty()) return out;
  if (!take_name(text)) return std::nullopt;
  out.daylight_ = ZoneOffset{out.standard_.seconds + 3600, true};
  if (!text.starts_with(',')) {
    if (!take_time(text, west)) return std::nullopt;
    out.daylight_->seconds = -west;
  }
  if (!take_change(text, out.begin_) || !take_change(text, out.end_) || !text.empty()) {
    return std::nullopt;
  }
  return out;
}

ZoneOffset PosixZone::at(std::int64_t unix_seconds) const {
  if (!daylight_) return standard_;
  using namespace std::chrono;
  sys_seconds const local{seconds(unix_seconds + standard_.seconds)};
  int const year = static_cast<int>(year_month_day(floor<days>(local)).year());
  std::int64_t const begin = begin_.in_year(year) - standard_.seconds;
  std::int64_t const end = end_.in_year(year) - daylight_->seconds;
  // South of the equator daylight time spans the new year.
  bool const inside = begin < end ? unix_seconds >= begin && unix_seconds < end
                                  : unix_seconds >= begin || unix_seconds < end;
  return inside ? *daylight_ : standard_;
}

}  // namespace dadvisor::graphite
