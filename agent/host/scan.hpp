#pragma once
// Integer scans over text in the kernel's own fixed formats ("key 123" lines, columns of digits).
// Hand-made because they run for each file of each container at each tick: no allocation, no
// locale. What does not look as expected gives nullopt, never 0. Pure; any thread.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace dadvisor::agent {

// Sums, differences and multiples of scanned integers. They stop at +-(2^63-1), as scan_integer()
// does: what a file says wrongly becomes no other figure, and no overflow.
inline std::int64_t bounded_sum(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return a < 0 ? -most : most;
  return sum < -most ? -most : sum;
}
inline std::int64_t bounded_difference(std::int64_t a, std::int64_t b) {
  return bounded_sum(a, -b);
}
inline std::int64_t bounded_product(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return (a < 0) != (b < 0) ? -most : most;
  return product < -most ? -most : product;
}

inline void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// Takes the next word (a run without blanks and line ends) off `text`; empty at its end.
inline std::string_view take_word(std::string_view& text) {
  skip_blanks(text);
  std::size_t n = 0;
  while (n < text.size() && text[n] != ' ' && text[n] != '\t' && text[n] != '\n') ++n;
  std::string_view const word = text.substr(0, n);
  text.remove_prefix(n);
  return word;
}

// Takes the next line, without its end, off `text`; false when there is none left.
inline bool take_line(std::string_view& text, std::string_view& line) {
  if (text.empty()) return false;
  std::size_t const end = text.find('\n');
  line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return true;
}

// Decimal digits (with '-' in front or not) and nothing else but blanks around. Beyond 64 bits it
// saturates: kernels show "no limit" as 2^63-1 or 2^64-1 by turns.
inline std::optional<std::int64_t> scan_integer(std::string_view text) {
  skip_blanks(text);
  bool const negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t value = 0;
  std::size_t n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n) {
    int const digit = text[n] - '0';
    value = value > (most - digit) / 10 ? most : value * 10 + digit;
  }
  if (n == 0) return std::nullopt;
  for (; n < text.size(); ++n)
    if (text[n] != ' ' && text[n] != '\t' && text[n] != '\n') return std::nullopt;
  return negative ? -value : value;
}

// The number behind `key` in lines "key 123" (or "key:  123 kB").
inline std::optional<std::int64_t> scan_key(std::string_view text, std::string_view key) {
  std::string_view line;
  while (take_line(text, line)) {
    if (line.size() <= key.size() || line.substr(0, key.size()) != key) continue;
    char const next = line[key.size()];
    if (next != ' ' && next != '\t' && next != ':') continue;
    line.remove_prefix(key.size() + (next == ':' ? 1 : 0));
    return scan_integer(take_word(line));
  }
  return std::nullopt;
}

// How many CPUs a kernel list such as "0-3,8,10-11" names; nullopt when malformed or empty.
inline std::optional<std::int64_t> count_cpu_list(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::int64_t count = 0;
  while (!text.empty()) {
    std::size_t const comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    std::size_t const dash = part.find('-');
    auto const first = scan_integer(part.substr(0, dash));
    auto const last = dash == std::string_view::npos ? first : scan_integer(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first) return std::nullopt;
    count = bounded_sum(count, bounded_sum(bounded_difference(*last, *first), 1));
  }
  if (count == 0) return std::nullopt;
  return count;
}

// A sum of counters over devices whose set changes: taking one away would make the sum fall, and
// a fallen counter counts from 0 again for its readers: a giant rate. Here the sum stands still
// instead for the step in which a device goes, and grows on with the others.
class SteadySum {
 public:
  std::int64_t feed(std::int64_t sum) {
    if (bounded_sum(sum, base_) < last_) base_ = bounded_difference(last_, sum);
    last_ = std::max(last_, bounded_sum(sum, base_));  // the base may have reached 64 bits' end
    return last_;
  }

 private:
  std::int64_t base_ = 0;
  std::int64_t last_ = 0;
};

}  // namespace dadvisor::agent
