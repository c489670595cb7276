#include "graphite-bridge/carbon/point_line.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

constexpr bool ends_word(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The word that `line` begins with, behind blanks; cut off it.
std::string_view take_word(std::string_view& line) {
  std::size_t begin = 0;
  while (begin < line.size() && ends_word(line[begin])) ++begin;
  std::size_t end = begin;
  while (end < line.size() && !ends_word(line[end])) ++end;
  auto const word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

// Nearly all are short decimals: a whole number needs no conversion of fractions.
std::optional<double> word_number(std::string_view word) {
  if (word.size() <= 15) {
    std::int64_t whole = 0;
    auto const* const end = word.data() + word.size();
    if (auto const [rest, error] = std::from_chars(word.data(), end, whole);
        error == std::errc() && rest == end && (whole != 0 || word.front() != '-'))
      return static_cast<double>(whole);
  }
  return parse_float(word);
}

constexpr int most_plain_digits = 15;  // a double holds each number of so many
constexpr std::array<double, most_plain_digits + 1> powers_of_ten{
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

constexpr std::array<std::uint64_t, 9> whole_powers_of_ten{
    1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};

// Eight digits at once: the first one stands in the lowest byte (x86-64 and arm64).
int leading_digits(std::uint64_t bytes) {
  std::uint64_t const numbers = bytes ^ 0x3030303030303030;
  // A carry spoils only bytes behind the first that is none.
  std::uint64_t const none = (numbers | (numbers + 0x7676767676767676)) & 0x8080808080808080;
  return std::countr_zero(none) / 8;
}
std::uint64_t eight_digits(std::uint64_t bytes) {
  bytes = (bytes & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;            // pairs: 10 a + b
  bytes = (bytes & 0x00ff00ff00ff00ff) * 6553601 >> 16;        // 100 ab + cd
  return (bytes & 0x0000ffff0000ffff) * 42949672960001 >> 32;  // 10,000 abcd + efgh
}

// The digits at `at`, which goes behind them, appended to those of `number`; how many there were.
// Of more than `most_plain_digits` the number means nothing.
[[gnu::always_inline]] inline int take_digits(char const*& at, char const* end,
                                              std::uint64_t& number) {
  static_assert(std::endian::native == std::endian::little);
  char const* const begin = at;
  while (end - at >= 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, 8);
    int const digits = leading_digits(bytes);
    if (digits > 0)  // with zeros in front
      number = number * whole_powers_of_ten[static_cast<std::size_t>(digits)] +
               eight_digits(bytes << (64 - 8 * digits));
    at += digits;
    if (digits < 8)
      return static_cast<int>(std::min<std::ptrdiff_t>(at - begin, most_plain_digits + 1));
  }
  for (; at < end && *at >= '0' && *at <= '9'; ++at)
    number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  return static_cast<int>(std::min<std::ptrdiff_t>(at - begin, most_plain_digits + 1));
}

}  // namespace

bool PlainTime::read(char const*& at, char const* end, std::int64_t& time) {
  std::uint64_t front = 0, back = 0;
  if (end - at >= size_) {
    std::memcpy(&front, at, sizeof front);
    std::memcpy(&back, at + size_ - sizeof back, sizeof back);
    if (front == front_ && back == back_ && front != 0) {
      at += size_;
      time = time_;
      return true;
    }
  }
  char const* const begin = at;
  std::uint64_t number = 0;
  int const digits = take_digits(at, end, number);
  if (digits == 0 || digits > most_plain_digits) return false;
  if (at == end || *at++ != '\n') return false;
  time = static_cast<std::int64_t>(number);
  if (at - begin == size_) {
    front_ = front;
    back_ = back;
    time_ = time;
  }
  return true;
}

bool parse_plain_numbers(char const*& at, char const* end, PlainTime& last, double& value,
                         std::int64_t& time) {
  bool const negative = at < end && *at == '-';
  if (negative) ++at;
  std::uint64_t digits = 0;
  int const whole = take_digits(at, end, digits);
  int fraction = 0;
  if (at < end && *at == '.') {
    fraction = take_digits(++at, end, digits);
    if (fraction == 0) return false;
  }
  // -0 is a number of its own.
  if (whole == 0 || whole + fraction > most_plain_digits || (negative && digits == 0)) return false;
  if (at == end || *at++ != ' ') return false;
  if (!last.read(at, end, time)) return false;
  double const number = static_cast<double>(negative ? -static_cast<std::int64_t>(digits)
                                                     : static_cast<std::int64_t>(digits));
  // Both are exact, so that one division rounds as the decimal itself would (Clinger, 1990).
  value = fraction == 0 ? number : number / powers_of_ten[static_cast<std::size_t>(fraction)];
  return true;
}

std::optional<Point> parse_point_line(std::string_view line) {
  Point point;
  point.path = take_word(line);
  auto const value = take_word(line), time = take_word(line);
  if (time.empty() || !take_word(line).empty()) return std::nullopt;
  auto const number = word_number(value), seconds = word_number(time);
  if (!number || !seconds) return std::nullopt;
  point.value = *number;
  point.time = *seconds;
  return point;
}

}  // namespace dadvisor::graphite
