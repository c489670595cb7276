#include "graphite-bridge/parameters.hpp"

#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::graphite {

std::vector<std::string> all_values(Parameters const& parameters, std::string const& name) {
  std::vector<std::string> out;
  auto const [begin, end] = parameters.equal_range(name);
  for (auto at = begin; at != end; ++at) out.push_back(at->second);
  return out;
}

std::optional<std::string> last_value(Parameters const& parameters, std::string const& name) {
  auto const [begin, end] = parameters.equal_range(name);
  if (begin == end) return std::nullopt;
  return std::prev(end)->second;
}

Result<std::optional<std::int64_t>> integer_value(Parameters const& parameters,
                                                  std::string const& name) {
  auto const text = last_value(parameters, name);
  if (!text) return std::optional<std::int64_t>();
  auto const value = parse_integer(*text);
  if (!value) return Error{Errc::malformed, 0, name + ": not an integer: " + *text};
  return value;
}

bool is_pretty(Parameters const& parameters) {
  return !last_value(parameters, "pretty").value_or("").empty();
}

TimeZone zone_of(Parameters const& parameters) {
  auto const name = last_value(parameters, "tz");
  auto const zone = name ? TimeZone::load(*name) : std::nullopt;
  return zone.value_or(TimeZone::utc());
}

Result<std::optional<std::int64_t>> time_value(Parameters const& parameters,
                                               std::string const& name, std::int64_t now,
                                               TimeZone const& zone) {
  auto const text = last_value(parameters, name);
  if (!text) return std::optional<std::int64_t>();
  auto const time = parse_time(*text, now, zone);
  if (!time) return time.error().within(name);
  return std::optional<std::int64_t>(*time);
}

}  // namespace dadvisor::graphite
