#pragma once
// A time zone out of the system's zoneinfo files (RFC 8536), read without setenv or tzset, which
// would change it for all threads. Immutable, cheap to copy, any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dadvisor::graphite {

struct ZoneRules;

class TimeZone {
 public:
  static TimeZone utc();
  // By IANA name ("Asia/Shanghai"). Absent when there is no such file or it is not one: graphite
  // ignores an unknown tz. Reads one file of a few kilobytes.
  static std::optional<TimeZone> load(std::string_view name,
                                      std::string const& directory = "/usr/share/zoneinfo");

  // Seconds that local time is ahead of UTC at that moment.
  std::int64_t offset_at(std::int64_t unix_seconds) const;
  // The moment of a local clock reading (seconds as if it were UTC). Of two (clocks set back) the
  // one in standard time; of none (set forward) as if standard time had gone on.
  std::int64_t to_unix(std::int64_t local_seconds) const;

 private:
  explicit TimeZone(std::shared_ptr<ZoneRules const> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<ZoneRules const> rules_;  // nullptr: UTC
};

}  // namespace dadvisor::graphite
