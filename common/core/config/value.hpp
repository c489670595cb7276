#pragma once
// The values that people write in configuration files and flags. Each parser takes the whole
// text or fails with Errc::malformed, whose context says what is wrong and how to write it. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/clock.hpp"
#include "common/core/result.hpp"

namespace dadvisor::config {

// "10s", "500ms", "2m", "1h30m", "7d"; units ns us ms s m h d w; a bare "0" too. Not negative.
Result<Nanoseconds> parse_duration(std::string_view text);
std::string duration_text(Nanoseconds duration);  // as short as can be: "1h30m", "10s"

// Bytes: "64KiB", "256MiB", "1GiB", "10MB" (powers of 1000), "4096", "4096B".
Result<std::uint64_t> parse_size(std::string_view text);
std::string size_text(std::uint64_t bytes);  // "256MiB"; what is no whole number of units, in bytes

Result<std::int64_t> parse_integer(std::string_view text);
Result<double> parse_real(std::string_view text);   // finite
Result<bool> parse_boolean(std::string_view text);  // true false yes no on off

struct HostPort {
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 0;
  bool operator==(HostPort const&) const = default;
};

// "HOST:PORT", "[IPv6]:PORT"; without a port, `default_port` unless that is 0.
Result<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port = 0);
std::string to_string(HostPort const& peer);

}  // namespace dadvisor::config
