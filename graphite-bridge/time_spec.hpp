#pragma once
// Graphite's words for points in time ("-1h", "noon_yesterday", "20161128", "now-5min") and spans
// ("5min", "-1d12h"), after graphite-web's render/attime.py with its oddities: 12pm is 00:00, a
// month has 30 days and a year 365, one sign holds for all parts of an offset. Pure, any thread.

#include <cstdint>
#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite {

// Seconds, signed; "" is 0 and no sign is +. Errc::malformed.
Result<std::int64_t> parse_time_offset(std::string_view text);

// Unix seconds. `now` is what "now", an offset alone and days without a date go by; `zone` is
// whose midnight and noon are meant. Errc::malformed.
Result<std::int64_t> parse_time(std::string_view text, std::int64_t now, TimeZone const& zone);

}  // namespace dadvisor::graphite
