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

char* write_whole(char* out, std::uint64_t value) {
  fmt::format_int const text(value);
  return std::copy_n(text.data(), text.size(), out);
}

// What has at most three decimals and fifteen digits, as most figures do: so few digits name no two
// doubles, so what reads back the same is, without zeros behind it, the shortest. nullptr: it is
// another one.
char* write_short(char* out, double value) {
  double const size = std::fabs(value);
  if (!(size < 1e15)) return nullptr;
  auto whole = static_cast<std::uint64_t>(size);
  unsigned thousandths = 0;
  if (static_cast<double>(whole) != size) {
    if (size >= 1e12) return nullptr;
    auto const scaled = static_cast<std::uint64_t>(size * 1000 + 0.5);
    if (static_cast<double>(scaled) / 1000 != size) return nullptr;
    whole = scaled / 1000;
    thousandths = static_cast<unsigned>(scaled % 1000);
  }
  if (std::signbit(value)) *out++ = '-';  // of -0.0 too
  out = write_whole(out, whole);
  *out++ = '.';
  *out++ = static_cast<char>('0' + thousandths / 100);
  if (thousandths % 100 == 0) return out;
  *out++ = static_cast<char>('0' + thousandths / 10 % 10);
  if (thousandths % 10 == 0) return out;
  *out++ = static_cast<char>('0' + thousandths % 10);
  return out;
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

bool is_whole(double value) {
  constexpr double beyond = 9'007'199'254'740'992;  // 2^53
  return std::fabs(value) < beyond && std::trunc(value) == value;
}

char* write_whole_repr(char* out, double value) {
  if (!is_whole(value)) return write_repr(out, value);
  return std::to_chars(out, out + repr_size, static_cast<std::int64_t>(value)).ptr;
}

void append_repr(std::string& out, double value, bool whole) {
  std::array<char, repr_size> buffer;
  out.append(buffer.data(), (whole ? write_whole_repr : write_repr)(buffer.data(), value));
}

std::string repr(double value, bool whole) {
  std::string out;
  append_repr(out, value, whole);
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
