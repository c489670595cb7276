#pragma once
// JSON as Python writes it, which is what Graphite's clients were written against: a blank behind
// "," and ":", only ASCII, numbers that read back the same (42.0, 1e+300), absent values null,
// infinities 1e9999. pretty: one element a line, indented by two. (Boost.JSON has no such
// numbers: it would write 4.2E1.) Not thread-safe; one text each.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite {

class JsonText {
 public:
  explicit JsonText(bool pretty = false) : pretty_(pretty) {}

  void open_object() { open('{'); }
  void close_object() { close('}'); }
  void open_array() { open('['); }
  void close_array() { close(']'); }
  // The key of the next value within an object.
  void key(std::string_view name);
  void string(std::string_view text);             // bytes that are no UTF-8 become U+FFFD
  void number(double value, bool whole = false);  // whole: 42, as write_whole_repr() has it
  void integer(std::int64_t value);
  // An array of a series' points, [value, time] each; absent ones are null or left out. It leaves
  // off where a budget ends: whoever gives it one asks it afterwards.
  void points(std::span<double const> values, std::int64_t start, std::int64_t step,
              bool with_absent, QueryBudget* budget = nullptr, bool whole = false);
  void boolean(bool value);
  void null();

  std::size_t size() const { return text_.size(); }  // of what is written by now
  std::string take() { return std::move(text_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void begin_value();
  void new_line();
  void quote(std::string_view text);

  bool pretty_;
  bool after_key_ = false;
  std::vector<bool> filled_;  // for each open bracket: something is in it
  std::string text_;
};

}  // namespace dadvisor::graphite
