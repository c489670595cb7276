#pragma once
// Graphite's plaintext as it comes in, "path value timestamp\n": three words between blanks, as
// carbon's protocols.py (MetricLineReceiver) reads them. Pure; any thread; allocates nothing.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dadvisor::graphite {

struct Point {
  std::string_view path;  // as it was sent
  double value = 0;       // may be NaN or infinite: whoever takes it decides
  double time = 0;        // unix seconds; -1 is now
};

// Without its line feed. Nothing when it is no point. Not read, unlike carbon: numbers with "_"
// in them ("1_000"), and blanks that are not ASCII.
std::optional<Point> parse_point_line(std::string_view line);

// Senders write one time into many lines: it is read when it is another than the last one.
class PlainTime {
 public:
  // Of the digits and the line feed at `at`, which goes behind them. False: it is no such time. No
  // optional: made of parts and read as a whole, it would wait for its way through memory.
  bool read(char const*& at, char const* end, std::int64_t& time);

 private:
  static constexpr std::ptrdiff_t size_ = 11;  // of ten digits (2001 to 2286) and the line feed
  std::uint64_t front_ = 0, back_ = 0;         // its first and its last eight bytes; 0: none yet
  std::int64_t time_ = 0;
};
// What stands behind the path and a blank in nearly all lines: "12.5 1700000040\n", two decimals of
// at most 15 digits, the time whole and not negative, one blank between them. It is read at `at`,
// which goes behind the line feed; `value` is finite. False where it is written otherwise or not
// all of it is there: then parse_point_line() has to say what it is, and `at` means nothing.
bool parse_plain_numbers(char const*& at, char const* end, PlainTime& last, double& value,
                         std::int64_t& time);

}  // namespace dadvisor::graphite
