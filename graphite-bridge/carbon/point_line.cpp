#include "graphite-bridge/carbon/point_line.hpp"

#include <charconv>
#include <cstdint>

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

}  // namespace

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
