#include "graphite-bridge/number_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace dadvisor::graphite {
namespace {

std::string_view strip(std::string_view text) {
  constexpr std::string_view blanks = " \t\n\r\v\f";
  auto const first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

char* put(char* out, std::string_view text) { return std::copy(text.begin(), text.end(), out); }

// What has at most three decimals and fifteen digits, as most figures do: so few digits name no two
// doubles, so the first that reads back the same is the shortest. nullptr: it is another one.
char* write_short(char* out, double value) {
  constexpr double beyond = 1e15;
  constexpr std::array<std::int64_t, 4> units{1, 10, 100, 1000};
  for (std::size_t decimals = 0; decimals < units.size(); ++decimals) {
    auto const unit = static_cast<double>(units[decimals]);
    double const scaled = value * unit;
    if (!(std::fabs(scaled) < beyond)) return nullptr;
    auto const digits = static_cast<std::int64_t>(scaled + std::copysign(0.5, scaled));
    if (static_cast<double>(digits) / unit != value) continue;
    if (std::signbit(value)) *out++ = '-';  // of -0.0 too
    auto const size = digits < 0 ? -digits : digits;
    out = std::to_chars(out, out + repr_size, size / units[decimals]).ptr;
    *out++ = '.';
    if (decimals == 0) *out++ = '0';
    for (auto rest = size % units[decimals], place = units[decimals] / 10; place > 0; place /= 10) {
      *out++ = static_cast<char>('0' + rest / place);
      rest %= place;
    }
    return out;
  }
  return nullptr;
}

}  // namespace

char* write_repr(char* out, double value) {
  if (auto* const end = write_short(out, value)) return end;
  if (std::isnan(value)) return put(out, "nan");
  if (std::isinf(value)) return put(out, value < 0 ? "-inf" : "inf");
  double const size = std::fabs(value);
  // Python changes to exponents below 1e-4 and from 1e16 on.
  bool const fixed = size >= 1e-4 && size < 1e16;
  auto const format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  auto* const end = std::to_chars(out, out + repr_size, value, format).ptr;
  bool const whole = fixed && std::find(out, end, '.') == end;
  return whole ? put(end, ".0") : end;
}

void append_repr(std::string& out, double value) {
  std::array<char, repr_size> buffer;
  out.append(buffer.data(), write_repr(buffer.data(), value));
}

std::string repr(double value) {
  std::string out;
  append_repr(out, value);
  return out;
}

std::string general(double value) { return fmt::format("{:g}", value); }

double round_to(double value, int digits) {
  if (!std::isfinite(value)) return value;
  if (digits < 0) {
    double const unit = std::pow(10.0, -digits);
    return std::nearbyint(value / unit) * unit;
  }
  std::array<char, 400> buffer;
  auto const written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     std::chars_format::fixed, digits);
  if (written.ec != std::errc()) return value;
  double rounded = value;
  std::from_chars(buffer.data(), written.ptr, rounded);
  return rounded;
}

std::optional<double> parse_float(std::string_view text) {
  text = strip(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  if (text.empty()) return std::nullopt;
  double value = 0;
  auto const read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ptr != text.data() + text.size()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) {
    // Python rounds to zero or infinity instead of failing.
    bool const small =
        text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos;
    value = small ? 0.0 : HUGE_VAL;
    return text.front() == '-' ? -value : value;
  }
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = strip(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  auto const read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace dadvisor::graphite
