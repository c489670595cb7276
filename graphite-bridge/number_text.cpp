#include "graphite-bridge/number_text.hpp"

#include <fmt/format.h>

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

}  // namespace

void append_repr(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "nan";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-inf" : "inf";
    return;
  }
  std::array<char, 64> buffer;
  double const size = std::fabs(value);
  // Python changes to exponents below 1e-4 and from 1e16 on.
  bool const fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  auto const format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  auto const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string_view const text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  out += text;
  if (fixed && text.find('.') == std::string_view::npos) out += ".0";
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
