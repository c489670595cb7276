#pragma once
// The rule at the end of a zoneinfo file that says when clocks change in all years to come, in
// the form of POSIX's TZ variable: "CET-1CEST,M3.5.0,M10.5.0/3". Immutable, any thread.

#include <cstdint>
#include <optional>
#include <string_view>

namespace dadvisor::graphite {

struct ZoneOffset {
  std::int64_t seconds = 0;  // local time minus UTC
  bool is_daylight = false;
};

class PosixZone {
 public:
  // Absent when the text is no such rule.
  static std::optional<PosixZone> parse(std::string_view text);
  ZoneOffset at(std::int64_t unix_seconds) const;

 private:
  // A day of each year and a time on it: Mm.w.d (week 5 is the last), Jn (no 29 February), n.
  struct Change {
    enum class Kind { month_week, julian, zero_based } kind = Kind::month_week;
    int month = 1, week = 1, day = 0;
    std::int64_t time = 7200;
    std::int64_t in_year(int year) const;  // seconds as if local time were UTC
  };
  static bool take_change(std::string_view& text, Change& change);

  ZoneOffset standard_;
  std::optional<ZoneOffset> daylight_;
  Change begin_;
  Change end_;
};

}  // namespace dadvisor::graphite
