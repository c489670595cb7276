#include "graphite-bridge/time_spec.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "graphite-bridge/character.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

using std::string_view;

constexpr std::int64_t day_seconds = 86400;
// Year 9999, where Python's datetime ends; keeps all sums far from overflow.
constexpr std::int64_t last_second = 253402300799;

bool all_digits(string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

std::optional<std::int64_t> unit_seconds(string_view unit) {
  struct Unit {
    string_view prefix;
    std::int64_t seconds;
  };
  constexpr std::array<Unit, 7> units{{{"s", 1},
                                       {"min", 60},
                                       {"h", 3600},
                                       {"d", day_seconds},
                                       {"w", 7 * day_seconds},
                                       {"mon", 30 * day_seconds},
                                       {"y", 365 * day_seconds}}};
  for (auto const& known : units) {
    if (unit.starts_with(known.prefix)) return known.seconds;
  }
  return std::nullopt;
}

// A local clock reading: the days of a date and the time of day.
struct Reading {
  std::chrono::year_month_day date;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
};

// Takes a time of day off the front of `text`. False: hour or minute are no numbers.
bool take_time_of_day(string_view& text, Reading& reading) {
  auto const number = [](string_view digits, std::int64_t& out) {
    auto const value = parse_integer(digits);
    if (value) out = *value;
    return value.has_value();
  };
  auto const colon = text.find(':');
  if (colon > 0 && colon < 3) {
    if (!number(text.substr(0, colon), reading.hour)) return false;
    if (!number(text.substr(colon + 1, 2), reading.minute)) return false;
    text.remove_prefix(std::min(text.size(), colon + 3));
    if (text.starts_with("am")) {
      text.remove_prefix(2);
    } else if (text.starts_with("pm")) {
      reading.hour = (reading.hour + 12) % 24;
      text.remove_prefix(2);
    }
  }
  for (string_view const half : {"am", "pm"}) {
    auto const at = text.find(half);
    if (at == 0 || at >= 3) continue;
    if (!number(text.substr(0, at), reading.hour)) return false;
    if (half == "pm") reading.hour = (reading.hour + 12) % 24;
    text.remove_prefix(at + 2);
  }
  struct Named {
    string_view name;
    std::int64_t hour;
  };
  for (auto const& named : {Named{"noon", 12}, Named{"midnight", 0}, Named{"teatime", 16}}) {
    if (!text.starts_with(named.name)) continue;
    reading.hour = named.hour;
    reading.minute = 0;
    text.remove_prefix(named.name.size());
    break;
  }
  return true;
}

std::optional<std::chrono::year_month_day> make_date(std::optional<std::int64_t> year,
                                                     std::optional<std::int64_t> month,
                                                     std::optional<std::int64_t> day) {
  if (!year || !month || !day) return std::nullopt;
  if (*year < 1 || *year > 9999 || *month < 1 || *month > 12 || *day < 1 || *day > 31) {
    return std::nullopt;
  }
  std::chrono::year_month_day const date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return date;
}

// MM/DD/YY[YY]
std::optional<std::chrono::year_month_day> slashed_date(string_view text) {
  auto const first = text.find('/');
  auto const second = text.find('/', first + 1);
  auto year = parse_integer(text.substr(second + 1));
  if (year && *year < 1900) *year += 1900;
  if (year && *year < 1970) *year += 100;
  return make_date(year, parse_integer(text.substr(0, first)),
                   parse_integer(text.substr(first + 1, second - first - 1)));
}

std::optional<std::int64_t> index_of(string_view names, string_view text) {
  if (text.size() < 3) return std::nullopt;
  for (std::size_t at = 0; at < names.size(); at += 3) {
    if (names.substr(at, 3) == text.substr(0, 3)) return static_cast<std::int64_t>(at / 3);
  }
  return std::nullopt;
}

// The date that `text` names, seen from `today`.
std::optional<std::chrono::year_month_day> parse_day(string_view text,
                                                     std::chrono::year_month_day today) {
  using std::chrono::days;
  using std::chrono::sys_days;
  if (text.empty() || text == "today") return today;
  if (text == "yesterday") return sys_days(today) - days(1);
  if (text == "tomorrow") return sys_days(today) + days(1);
  if (std::count(text.begin(), text.end(), '/') == 2) return slashed_date(text);
  if (text.size() == 8 && all_digits(text)) {
    return make_date(parse_integer(text.substr(0, 4)), parse_integer(text.substr(4, 2)),
                     parse_integer(text.substr(6, 2)));
  }
  if (auto const month = index_of("janfebmaraprmayjunjulaugsepoctnovdec", text)) {
    std::optional<std::int64_t> day;
    if (all_digits(text.substr(text.size() - 2))) {
      day = parse_integer(text.substr(text.size() - 2));
    } else if (is_digit(text.back())) {
      day = parse_integer(text.substr(text.size() - 1));
    }
    return make_date(static_cast<int>(today.year()), *month + 1, day);
  }
  if (auto const wanted = index_of("sunmontuewedthufrisat", text)) {
    auto const now = static_cast<std::int64_t>(std::chrono::weekday(sys_days(today)).c_encoding());
    return sys_days(today) - days((now - *wanted + 7) % 7);
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_reference(string_view text, std::int64_t now,
                                            TimeZone const& zone) {
  if (text.empty() || text == "now") return now;
  Reading reading;
  if (!take_time_of_day(text, reading)) return std::nullopt;
  if (reading.hour < 0 || reading.hour > 23 || reading.minute < 0 || reading.minute > 59) {
    return std::nullopt;
  }
  std::chrono::sys_seconds const local(std::chrono::seconds(now + zone.offset_at(now)));
  auto const date = parse_day(text, std::chrono::floor<std::chrono::days>(local));
  if (!date) return std::nullopt;
  std::int64_t const days = std::chrono::sys_days(*date).time_since_epoch().count();
  return zone.to_unix(days * day_seconds + reading.hour * 3600 + reading.minute * 60);
}

// Eight digits that look like a date are one, and no epoch.
bool looks_like_date(string_view digits) {
  return digits.size() == 8 && *parse_integer(digits.substr(0, 4)) > 1900 &&
         *parse_integer(digits.substr(4, 2)) < 13 && *parse_integer(digits.substr(6)) < 32;
}

}  // namespace

Result<std::int64_t> parse_time_offset(string_view text) {
  Error const malformed{Errc::malformed, 0, "not a time offset: " + std::string(text)};
  std::int64_t sign = 1;
  if (!text.empty() && !is_digit(text.front())) {
    if (text.front() != '+' && text.front() != '-') return malformed;
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  std::int64_t total = 0;
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    std::size_t letters = digits;
    while (letters < text.size() && is_lower(text[letters])) ++letters;
    auto const number = parse_integer(text.substr(0, digits));
    auto const unit = unit_seconds(text.substr(digits, letters - digits));
    if (!number || !unit || *number > last_second / *unit) return malformed;
    total += *number * *unit;
    if (total > last_second) return malformed;
    text.remove_prefix(letters);
  }
  return sign * total;
}

Result<std::int64_t> parse_time(string_view given, std::int64_t now, TimeZone const& zone) {
  std::string text;
  for (char const c : given) {
    if (c == '_' || c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    text += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  Error const malformed{Errc::malformed, 0, "not a time: " + std::string(given)};
  if (all_digits(text) && !looks_like_date(text)) {
    auto const seconds = parse_integer(text);
    if (!seconds || *seconds > last_second) return malformed;
    return *seconds;
  }
  auto const plus = text.find('+');
  auto const split = plus != std::string::npos ? plus : text.find('-');
  auto const reference = parse_reference(string_view(text).substr(0, split), now, zone);
  auto const offset = parse_time_offset(
      split == std::string::npos ? string_view() : string_view(text).substr(split));
  if (!reference || !offset) return malformed;
  std::int64_t const out = *reference + *offset;
  if (out < -last_second || out > last_second) return malformed;
  return out;
}

}  // namespace dadvisor::graphite
