#include "graphite-bridge/functions/python_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "graphite-bridge/character.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite::functions {
namespace {

struct Conversion {
  bool left = false, plus = false, blank = false, zeros = false, points = false;
  int width = 0;
  std::optional<int> precision;
  char type = 0;
};

Error wrong(std::string const& what) { return Error{Errc::malformed, 0, "newName: " + what}; }

// Two digits at most; -1 when there are more.
int read_number(std::string_view& rest) {
  int out = 0;
  while (!rest.empty() && is_digit(rest[0])) {
    out = out * 10 + (rest[0] - '0');
    if (out > 99) return -1;
    rest.remove_prefix(1);
  }
  return out;
}

Result<Conversion> read_conversion(std::string_view& rest) {
  Conversion out;
  for (; !rest.empty(); rest.remove_prefix(1)) {
    if (rest[0] == '-') {
      out.left = true;
    } else if (rest[0] == '+') {
      out.plus = true;
    } else if (rest[0] == ' ') {
      out.blank = true;
    } else if (rest[0] == '0') {
      out.zeros = true;
    } else if (rest[0] == '#') {
      out.points = true;
    } else {
      break;
    }
  }
  out.width = read_number(rest);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    out.precision = read_number(rest);
  }
  if (out.width < 0 || out.precision.value_or(0) < 0) return wrong("a width is at most 99");
  constexpr std::string_view known = "diufFeEgGsr";
  if (rest.empty() || known.find(rest[0]) == std::string_view::npos) {
    return wrong("% must be followed by d, f, e, g or s, as in %.2f; %% is a percent sign");
  }
  out.type = rest[0];
  rest.remove_prefix(1);
  return out;
}

std::string write(Conversion const& conversion, double value, bool whole) {
  std::string digits;
  bool const is_text = conversion.type == 's' || conversion.type == 'r';
  double const size = std::fabs(value);
  if (is_text) {
    digits = repr(value, whole);
    if (conversion.precision) {
      digits.resize(std::min(digits.size(), static_cast<std::size_t>(*conversion.precision)));
    }
  } else if (conversion.type == 'd' || conversion.type == 'i' || conversion.type == 'u') {
    digits = fmt::format("{:.0f}", std::trunc(size));
    auto const least = static_cast<std::size_t>(conversion.precision.value_or(0));
    if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  } else {
    auto const format = std::string("{:") + (conversion.points ? "#" : "") + "." +
                        std::to_string(conversion.precision.value_or(6)) + conversion.type + "}";
    digits = fmt::format(fmt::runtime(format), size);
  }
  std::string sign;
  if (!is_text) {
    bool const no_point =
        conversion.type == 'd' || conversion.type == 'i' || conversion.type == 'u';
    bool const negative = std::signbit(value) && !(no_point && std::trunc(value) == 0);
    sign = negative ? "-" : conversion.plus ? "+" : conversion.blank ? " " : "";
  }
  auto const used = sign.size() + digits.size();
  auto const width = static_cast<std::size_t>(conversion.width);
  std::size_t const room = width > used ? width - used : 0;
  if (conversion.left) return sign + digits + std::string(room, ' ');
  if (conversion.zeros && !is_text) return sign + std::string(room, '0') + digits;
  return std::string(room, ' ') + sign + digits;
}

}  // namespace

Result<std::string> python_format(std::string_view text, double value, bool whole) {
  std::string out;
  int conversions = 0;
  while (!text.empty()) {
    char const c = text[0];
    text.remove_prefix(1);
    if (c != '%') {
      out += c;
    } else if (text.starts_with('%')) {
      out += '%';
      text.remove_prefix(1);
    } else {
      auto const conversion = read_conversion(text);
      if (!conversion) return conversion.error();
      out += write(*conversion, value, whole);
      ++conversions;
    }
  }
  if (conversions != 1) return wrong("must have one number in it, such as %d or %.2f");
  return out;
}

}  // namespace dadvisor::graphite::functions
