#include "graphite-bridge/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>

#include "graphite-bridge/format/utf8.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

// How many bytes of `text` stand for themselves between quotes.
std::size_t plain_bytes(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= 0x20 && text[count] < 0x7F && text[count] != '"' &&
         text[count] != '\\')
    ++count;
  return count;
}

char* write_number(char* out, double value, bool whole) {
  if (whole && is_whole(value)) return write_whole_repr(out, value);
  if (std::isfinite(value)) return write_repr(out, value);
  std::string_view const text = std::isnan(value) ? "null" : value < 0 ? "-1e9999" : "1e9999";
  return std::copy(text.begin(), text.end(), out);
}

// Times one after the other: what stands before their last four digits seldom changes.
class TimeWriter {
 public:
  // To where `out` has room for 32 bytes; the end of it.
  char* write(char* out, std::int64_t time) {
    if (time < 10'000) return std::to_chars(out, out + 32, time).ptr;
    if (auto const upper = time / 10'000; upper != upper_) {
      upper_ = upper;
      size_ = std::to_chars(text_.data(), text_.data() + text_.size(), upper).ptr - text_.data();
    }
    out = std::copy(text_.begin(), text_.end(), out) - std::ssize(text_) + size_;
    auto const rest = static_cast<unsigned>(time % 10'000);
    out[0] = static_cast<char>('0' + rest / 1000);
    out[1] = static_cast<char>('0' + rest / 100 % 10);
    out[2] = static_cast<char>('0' + rest / 10 % 10);
    out[3] = static_cast<char>('0' + rest % 10);
    return out + 4;
  }

 private:
  std::int64_t upper_ = -1;
  std::array<char, 16> text_{};  // of upper_: 2^63 / 10,000 has fifteen digits
  std::ptrdiff_t size_ = 0;
};

}  // namespace

void JsonText::new_line() {
  text_ += '\n';
  text_.append(2 * filled_.size(), ' ');
}

void JsonText::begin_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (filled_.empty()) return;
  if (filled_.back()) text_ += pretty_ ? "," : ", ";
  filled_.back() = true;
  if (pretty_) new_line();
}

void JsonText::open(char bracket) {
  begin_value();
  text_ += bracket;
  filled_.push_back(false);
}

void JsonText::close(char bracket) {
  bool const filled = filled_.back();
  filled_.pop_back();
  if (pretty_ && filled) new_line();
  text_ += bracket;
}

void JsonText::key(std::string_view name) {
  begin_value();
  quote(name);
  text_ += ": ";
  after_key_ = true;
}

void JsonText::string(std::string_view text) {
  begin_value();
  quote(text);
}

void JsonText::number(double value, bool whole) {
  begin_value();
  std::array<char, repr_size> buffer;
  text_.append(buffer.data(), write_number(buffer.data(), value, whole));
}

void JsonText::integer(std::int64_t value) {
  begin_value();
  fmt::format_to(std::back_inserter(text_), "{}", value);
}

void JsonText::points(std::span<double const> values, std::int64_t start, std::int64_t step,
                      bool with_absent, QueryBudget* budget, bool whole) {
  constexpr std::size_t steps_a_point = 8, steps_a_block = 1024;  // for QueryBudget::work()
  open_array();
  std::int64_t time = start - step;
  if (pretty_) {
    for (double const value : values) {
      time += step;
      if (!may_write(budget, text_.size(), steps_a_point)) break;
      if (std::isnan(value) && !with_absent) continue;
      open_array();
      number(value, whole);
      integer(time);
      close_array();
    }
    close_array();
    return;
  }
  // Answers are mostly these: many of them at once become text.
  constexpr std::size_t usual_bytes = 22;  // of one: [53.25, 1480118400], and what is between two
  text_.reserve(text_.size() + usual_bytes * values.size());
  TimeWriter times;
  std::array<char, 4096> buffer;
  constexpr std::size_t most_bytes = repr_size + 32;  // of one
  char* end = buffer.data();
  for (double const value : values) {
    time += step;
    if (std::isnan(value) && !with_absent) continue;
    if (end + most_bytes > buffer.data() + buffer.size()) {
      text_.append(buffer.data(), end);
      end = buffer.data();
      if (!may_write(budget, text_.size(), steps_a_block)) break;
    }
    if (filled_.back()) {
      *end++ = ',';
      *end++ = ' ';
    }
    filled_.back() = true;
    *end++ = '[';
    end = write_number(end, value, whole);
    *end++ = ',';
    *end++ = ' ';
    end = times.write(end, time);
    *end++ = ']';
  }
  text_.append(buffer.data(), end);
  close_array();
}

void JsonText::boolean(bool value) {
  begin_value();
  text_ += value ? "true" : "false";
}

void JsonText::null() {
  begin_value();
  text_ += "null";
}

void JsonText::quote(std::string_view text) {
  text_ += '"';
  for (;;) {
    auto const plain = plain_bytes(text);
    text_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    auto const [value, bytes] = first_code_point(text);
    auto out = std::back_inserter(text_);
    if (value == '"' || value == '\\') {
      text_ += '\\';
      text_ += static_cast<char>(value);
    } else if (value == '\n' || value == '\r' || value == '\t') {
      text_ += value == '\n' ? "\\n" : value == '\r' ? "\\r" : "\\t";
    } else if (value >= 0x10000) {
      std::uint32_t const rest = value - 0x10000;
      fmt::format_to(out, "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      fmt::format_to(out, "\\u{:04x}", value);
    }
    text.remove_prefix(bytes);
  }
  text_ += '"';
}

}  // namespace dadvisor::graphite
