#pragma once
// The parameters of one request, from its query string and its form together, whatever the
// method. For readers of /render, /metrics/find and their like; knows nothing of HTTP.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite {

// Decoded names and values; values of one name in the order in which they were given (a multimap
// keeps it when filled by emplace). As in graphite-web, where one value is wanted the last
// counts, so whoever merges puts the form's behind the query string's.
using Parameters = std::multimap<std::string, std::string>;

// What an answer is, for whoever sends it.
struct Answer {
  std::string content_type;
  std::string body;
};

std::vector<std::string> all_values(Parameters const& parameters, std::string const& name);
std::optional<std::string> last_value(Parameters const& parameters, std::string const& name);
// Absent when it is not given. Errc::malformed when it is not an integer.
Result<std::optional<std::int64_t>> integer_value(Parameters const& parameters,
                                                  std::string const& name);
// Whether `pretty` asks for JSON that a person reads.
bool is_pretty(Parameters const& parameters);
// By `tz`; UTC when there is none or it is unknown.
TimeZone zone_of(Parameters const& parameters);
// A time parameter such as `from`; absent when it is not given. Errc::malformed names it.
Result<std::optional<std::int64_t>> time_value(Parameters const& parameters,
                                               std::string const& name, std::int64_t now,
                                               TimeZone const& zone);

}  // namespace dadvisor::graphite
