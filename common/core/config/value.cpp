#include "common/core/config/value.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "common/core/log.hpp"

namespace dadvisor::config {
namespace {

Error wrong(std::string_view text, std::string_view what, std::string_view remedy) {
  return Error{Errc::malformed, 0,
               fmt::format("'{}' is {}; {}", printable(text, 100), what, remedy)};
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array duration_units{Unit{"w", 604'800'000'000'000},
                                    Unit{"d", 86'400'000'000'000},
                                    Unit{"h", 3'600'000'000'000},
                                    Unit{"m", 60'000'000'000},
                                    Unit{"s", 1'000'000'000},
                                    Unit{"ms", 1'000'000},
                                    Unit{"us", 1'000},
                                    Unit{"ns", 1}};

constexpr std::array size_units{Unit{"TiB", 1ULL << 40},
                                Unit{"GiB", 1ULL << 30},
                                Unit{"MiB", 1ULL << 20},
                                Unit{"KiB", 1ULL << 10},
                                Unit{"TB", 1'000'000'000'000},
                                Unit{"GB", 1'000'000'000},
                                Unit{"MB", 1'000'000},
                                Unit{"kB", 1'000},
                                Unit{"KB", 1'000},
                                Unit{"B", 1},
                                Unit{"", 1}};

template <std::size_t N>
Unit const* find_unit(std::array<Unit, N> const& units, std::string_view name) {
  for (auto const& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// Takes a number and its unit from the front of `text`; false when there is none or it overflows.
template <std::size_t N>
bool take_amount(std::string_view& text, std::array<Unit, N> const& units, std::uint64_t& amount) {
  std::uint64_t number = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  auto const unit_end = std::min(text.find_first_of("0123456789"), text.size());
  auto const* unit = find_unit(units, text.substr(0, unit_end));
  if (!unit) return false;
  text.remove_prefix(unit_end);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number > most / unit->factor || amount > most - number * unit->factor) return false;
  amount += number * unit->factor;
  return true;
}

}  // namespace

Result<Nanoseconds> parse_duration(std::string_view text) {
  if (text == "0") return Nanoseconds::zero();
  std::uint64_t total = 0;
  auto rest = text;
  bool good = !rest.empty();
  while (good && !rest.empty()) good = take_amount(rest, duration_units, total);
  if (!good) return wrong(text, "not a duration", "write 10s, 500ms, 2m, 1h30m or 7d");
  return Nanoseconds(static_cast<std::int64_t>(total));
}

std::string duration_text(Nanoseconds duration) {
  auto left = static_cast<std::uint64_t>(duration.count());
  if (left == 0) return "0s";
  std::string text;
  for (auto const& unit : duration_units) {
    if (unit.name == "w" || left < unit.factor) continue;
    text += fmt::format("{}{}", left / unit.factor, unit.name);
    left %= unit.factor;
  }
  return text;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t total = 0;
  auto rest = text;
  if (!take_amount(rest, size_units, total) || !rest.empty()) {
    return wrong(text, "not a size", "write 64KiB, 256MiB, 1GiB or a number of bytes");
  }
  return total;
}

std::string size_text(std::uint64_t bytes) {
  for (auto const& unit : size_units) {
    if (unit.name.size() == 3 && bytes >= unit.factor && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}B", bytes);
}

Result<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return wrong(text, "not a whole number", "write digits only");
  }
  return number;
}

Result<double> parse_real(std::string_view text) {
  double number = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return wrong(text, "not a number", "write it like 0.5 or 12");
  }
  return number;
}

Result<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return wrong(text, "neither true nor false", "write true or false");
}

Result<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
  constexpr std::string_view remedy = "write HOST:PORT, as 127.0.0.1:8686 or [::1]:8686";
  HostPort peer;
  peer.port = default_port;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    auto const bracket = text.find(']');
    if (bracket == std::string_view::npos) return wrong(text, "lacking a ']'", remedy);
    peer.host = text.substr(1, bracket - 1);
    auto const rest = text.substr(bracket + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return wrong(text, "not an address", remedy);
    port = has_port ? rest.substr(1) : rest;
  } else {
    auto const colon = text.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port && text.find(':', colon + 1) != std::string_view::npos) {
      return wrong(text, "an IPv6 address without brackets", remedy);
    }
    peer.host = text.substr(0, colon);
    port = has_port ? text.substr(colon + 1) : std::string_view();
  }
  if (peer.host.empty()) return wrong(text, "lacking a host", remedy);
  if (peer.host.find_first_of("/?#@ ") != std::string::npos) {
    return wrong(text, "not an address", remedy);
  }
  if (!has_port) {
    if (default_port == 0) return wrong(text, "lacking a port", remedy);
    return peer;
  }
  auto const number = parse_integer(port);
  if (!number || *number < 0 || *number > 65'535) {
    return wrong(text, "lacking a port from 0 to 65535", remedy);
  }
  peer.port = static_cast<std::uint16_t>(*number);
  return peer;
}

std::string to_string(HostPort const& peer) {
  bool const six = peer.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", six ? "[" : "", peer.host, six ? "]" : "", peer.port);
}

}  // namespace dadvisor::config
