#include "graphite-bridge/picture/unit_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

namespace dadvisor::graphite::picture {
namespace {

struct UnitPrefix {
  double size;
  std::string_view text;
};

constexpr std::array<UnitPrefix, 8> si_prefixes{{{1e3, "k"},
                                                 {1e6, "M"},
                                                 {1e9, "G"},
                                                 {1e12, "T"},
                                                 {1e15, "P"},
                                                 {1e18, "E"},
                                                 {1e21, "Z"},
                                                 {1e24, "Y"}}};
constexpr std::array<UnitPrefix, 8> binary_prefixes{{{0x1p10, "Ki"},
                                                     {0x1p20, "Mi"},
                                                     {0x1p30, "Gi"},
                                                     {0x1p40, "Ti"},
                                                     {0x1p50, "Pi"},
                                                     {0x1p60, "Ei"},
                                                     {0x1p70, "Zi"},
                                                     {0x1p80, "Yi"}}};
constexpr std::array<UnitPrefix, 5> second_prefixes{
    {{1, "s"}, {60, "min"}, {3600, "h"}, {86400, "d"}, {31536000, "y"}}};
constexpr std::array<UnitPrefix, 6> millisecond_prefixes{
    {{1, "ms"}, {1e3, "s"}, {6e4, "min"}, {3.6e6, "h"}, {8.64e7, "d"}, {3.1536e10, "y"}}};

std::span<UnitPrefix const> prefixes_of(UnitSystem system) {
  switch (system) {
    case UnitSystem::si:
      return si_prefixes;
    case UnitSystem::binary:
      return binary_prefixes;
    case UnitSystem::seconds:
      return second_prefixes;
    case UnitSystem::milliseconds:
      return millisecond_prefixes;
    case UnitSystem::none:
      break;
  }
  return {};
}

bool is_duration(UnitSystem system) {
  return system == UnitSystem::seconds || system == UnitSystem::milliseconds;
}

// Digits behind the point that `step` needs; 9 when it is none that ends.
int decimals_of(double step) {
  for (int decimals = 0; decimals < 9; ++decimals) {
    double const shifted = step * std::pow(10.0, decimals);
    if (std::fabs(shifted - std::round(shifted)) < 1e-6 * shifted) return decimals;
  }
  return 9;
}

std::string suffix_of(std::string_view prefix, std::string const& unit) {
  if (unit.empty() || unit == "%") return std::string(prefix) + unit;
  return fmt::format(" {}{}", prefix, unit);
}

// The greatest prefix that is not greater than `value`; size 1 and no text when there is none.
UnitPrefix prefix_for(double value, UnitSystem system) {
  UnitPrefix out{1, ""};
  for (auto const& prefix : prefixes_of(system)) {
    if (prefix.size <= value * (1 + 1e-9) || (prefix.size == 1 && is_duration(system))) {
      out = prefix;
    }
  }
  return out;
}

bool is_out_of_prefixes(double value, UnitSystem system) {
  double const greatest = is_duration(system) || system == UnitSystem::none ? 1e15 : 1e27;
  return value >= greatest || (value > 0 && value < 1e-4);
}

}  // namespace

NumberText NumberText::for_axis(double largest, double step, UnitSystem system,
                                std::string const& unit) {
  NumberText out;
  largest = std::fabs(largest);
  if (is_out_of_prefixes(largest, system)) {
    out.decimals_ = -1;
    out.suffix_ = suffix_of("", unit);
    return out;
  }
  auto prefix = prefix_for(largest, system);
  // Where values lie close together a smaller prefix saves digits: 1000001, not 1.000001M.
  while (prefix.size > 1 && decimals_of(step / prefix.size) > 3) {
    prefix = prefix_for(prefix.size / 2, system);
  }
  out.size_ = prefix.size;
  out.decimals_ = std::min(decimals_of(step / prefix.size), 6);
  out.suffix_ = suffix_of(prefix.text, is_duration(system) ? std::string() : unit);
  if (is_duration(system)) out.suffix_.insert(0, " ");
  return out;
}

std::string NumberText::operator()(double value) const {
  if (value == 0) return "0";
  if (decimals_ < 0) return fmt::format("{:.4g}{}", value, suffix_);
  auto text = fmt::format("{:.{}f}", value / size_, decimals_);
  if (text.find_first_not_of("-0.") == std::string::npos) return "0";
  return text + suffix_;
}

std::string number_text(double value, UnitSystem system, std::string const& unit) {
  double const size = std::fabs(value);
  if (is_out_of_prefixes(size, system)) {
    return value == 0 ? "0" : fmt::format("{:.3g}{}", value, suffix_of("", unit));
  }
  // 999.9 k would print as 1000 k.
  auto const prefix = prefix_for(size * 1.0005, system);
  double const shown = value / prefix.size;
  int const decimals = std::fabs(shown) < 0.9995  ? 4
                       : std::fabs(shown) < 9.995 ? 2
                       : std::fabs(shown) < 99.95 ? 1
                                                  : 0;
  auto text = fmt::format("{:.{}f}", shown, decimals);
  auto const point = text.find('.');
  // Zeros behind the point stay where they line up with others: 1.40 beside 1.41.
  bool const whole = text.find_first_not_of("0", point + 1) == std::string::npos;
  if (point != std::string::npos && (whole || decimals == 4)) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  if (text == "0" || text == "-0") return "0";
  if (is_duration(system)) return fmt::format("{} {}", text, prefix.text);
  return text + suffix_of(prefix.text, unit);
}

}  // namespace dadvisor::graphite::picture
