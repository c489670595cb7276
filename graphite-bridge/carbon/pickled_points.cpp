#include "graphite-bridge/carbon/pickled_points.hpp"

#include <bit>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

// A message of 1 MiB has some 20,000 points, of 5 values and 3 remembered places each.
constexpr std::size_t most_values = 400'000, most_remembered = 150'000;

enum class PickleKind : std::uint8_t { none, number, text, sequence, mark };

struct PickleValue {
  PickleKind kind = PickleKind::none;
  double number = 0;
  std::string_view text;
  std::size_t sequence = 0;  // which of the machine's
};

std::optional<double> number_of(PickleValue const& value) {
  if (value.kind == PickleKind::number) return value.number;
  if (value.kind == PickleKind::text) return parse_float(value.text);  // as Python's float()
  return std::nullopt;
}

// Little-endian, of at most 8 bytes.
std::uint64_t little(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

// A signed number of any length, as a double.
double signed_little(std::string_view bytes) {
  if (bytes.empty()) return 0;
  bool const negative = (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
  double number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    auto const byte = static_cast<unsigned char>(bytes[i]);
    number = number * 256 + (negative ? byte ^ 0xff : byte);
  }
  return negative ? -number - 1 : number;
}

class PickleMachine {
 public:
  explicit PickleMachine(std::string_view bytes) : bytes_(bytes) {}

  // Runs to STOP; the message's sequence.
  Result<std::vector<PickleValue> const*> run() {
    while (!fault_) {
      auto const code = take(1);
      if (code.empty()) break;
      if (code.front() == '.') {
        if (stack_.size() != 1 || stack_.back().kind != PickleKind::sequence) break;
        return &sequences_[stack_.back().sequence];
      }
      step(static_cast<unsigned char>(code.front()));
    }
    return Error{Errc::malformed, 0, fault_ ? fault_ : "not a pickled list"};
  }
  std::vector<PickleValue> const* items(PickleValue const& value) const {
    return value.kind == PickleKind::sequence ? &sequences_[value.sequence] : nullptr;
  }

 private:
  void fail(char const* why) {
    if (fault_ == nullptr) fault_ = why;
  }
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size()) {
      fail("a pickle that ends early");
      return {};
    }
    auto const taken = bytes_.substr(0, static_cast<std::size_t>(count));
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view take_line() {
    auto const end = bytes_.find('\n');
    if (end == std::string_view::npos) fail("a pickle that ends early");
    auto const line = bytes_.substr(0, end);
    bytes_.remove_prefix(std::min(bytes_.size(), line.size() + 1));
    return line;
  }
  // With its length, a little-endian number of so many bytes, in front.
  std::string_view take_counted(std::size_t length_bytes) {
    return take(little(take(length_bytes)));
  }

  void push(PickleValue value) {
    if (++pushed_ > most_values) return fail("a pickle of too many values");
    stack_.push_back(value);
  }
  void push_number(double number) { push({PickleKind::number, number, {}, 0}); }
  void push_text(std::string_view text) { push({PickleKind::text, 0, text, 0}); }
  void push_sequence(std::vector<PickleValue> items) {
    sequences_.push_back(std::move(items));
    push({PickleKind::sequence, 0, {}, sequences_.size() - 1});
  }
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  std::vector<PickleValue> pop(std::size_t count) {
    if (count > stack_.size()) {
      fail("a pickle that takes what is not there");
      return {};
    }
    std::vector<PickleValue> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  // What was put since the last mark, which goes too.
  std::vector<PickleValue> pop_marked() {
    std::size_t count = 0;
    while (count < stack_.size() && stack_[stack_.size() - 1 - count].kind != PickleKind::mark)
      ++count;
    if (count == stack_.size()) {
      fail("a pickle without a mark");
      return {};
    }
    auto items = pop(count);
    stack_.pop_back();
    return items;
  }
  void append(std::vector<PickleValue> const& items) {
    if (stack_.empty() || stack_.back().kind != PickleKind::sequence)
      return fail("a pickle that adds to what is no list");
    auto& list = sequences_[stack_.back().sequence];
    list.insert(list.end(), items.begin(), items.end());
  }
  void remember(std::uint64_t place) {
    if (stack_.empty()) return fail("a pickle that remembers nothing");
    if (memo_.size() >= most_remembered) return fail("a pickle that remembers too much");
    memo_[place] = stack_.back();
  }
  void recall(std::uint64_t place) {
    auto const found = memo_.find(place);
    if (found == memo_.end()) return fail("a pickle that recalls what it never knew");
    push(found->second);
  }
  void remember(std::string_view text) {
    auto const place = parse_integer(text);
    if (!place || *place < 0) return fail("a pickle with a bad place");
    remember(static_cast<std::uint64_t>(*place));
  }
  void recall(std::string_view text) {
    auto const place = parse_integer(text);
    if (!place || *place < 0) return fail("a pickle with a bad place");
    recall(static_cast<std::uint64_t>(*place));
  }
  void push_decimal(std::string_view text) {
    if (text.ends_with('L')) text.remove_suffix(1);
    auto const number = parse_float(text);
    if (!number) return fail("a pickle with a bad number");
    push_number(*number);
  }
  void push_real() {
    auto bytes = take(8);
    std::uint64_t bits = 0;
    for (char const byte : bytes) bits = bits << 8 | static_cast<unsigned char>(byte);
    push_number(std::bit_cast<double>(bits));
  }
  // 'text' or "text" with Python's escapes, of protocol 0.
  void push_quoted(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.size() < 2 || text.front() != text.back() ||
        (text.front() != '\'' && text.front() != '"'))
      return fail("a pickle with a text without quotes");
    text = text.substr(1, text.size() - 2);
    if (text.find('\\') == std::string_view::npos) return push_text(text);
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        plain += text[i];
      } else if (++i < text.size() && text[i] == 'x' && i + 2 < text.size()) {
        unsigned byte = 0;
        for (char const digit : text.substr(i + 1, 2)) {
          auto const value = std::string_view("0123456789abcdef").find(digit);
          if (value == std::string_view::npos) return fail("a pickle with a bad escape");
          byte = byte * 16 + static_cast<unsigned>(value);
        }
        plain += static_cast<char>(byte);
        i += 2;
      } else if (i < text.size() && (text[i] == '\\' || text[i] == '\'' || text[i] == '"')) {
        plain += text[i];
      } else {
        return fail("a pickle with a bad escape");
      }
    }
    push_text(keep(std::move(plain)));
  }
  // Raw-unicode-escape, of protocol 0: \uXXXX for what is not Latin-1.
  void push_unicode(std::string_view text) {
    std::string plain;
    auto const add = [&](unsigned code) {
      if (code < 0x80) {
        plain += static_cast<char>(code);
      } else if (code < 0x800) {
        plain += static_cast<char>(0xc0 | code >> 6);
        plain += static_cast<char>(0x80 | (code & 0x3f));
      } else {
        plain += static_cast<char>(0xe0 | code >> 12);
        plain += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        plain += static_cast<char>(0x80 | (code & 0x3f));
      }
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || text.substr(i + 1, 1) != "u" || i + 6 > text.size()) {
        add(static_cast<unsigned char>(text[i]));
        continue;
      }
      unsigned code = 0;
      for (char const digit : text.substr(i + 2, 4)) {
        auto const value = std::string_view("0123456789abcdef").find(digit);
        if (value == std::string_view::npos) return fail("a pickle with a bad escape");
        code = code * 16 + static_cast<unsigned>(value);
      }
      add(code);
      i += 5;
    }
    push_text(keep(std::move(plain)));
  }

  void step(unsigned code) {
    switch (code) {
      case 0x80:  // PROTO
        if (auto const protocol = little(take(1)); protocol > 5)
          fail("a pickle of an unknown protocol");
        return;
      case 0x95:  // FRAME
        take(8);
        return;
      case '(':
        return push({PickleKind::mark, 0, {}, 0});
      case '0':  // POP
        pop(1);
        return;
      case '1':  // POP_MARK
        pop_marked();
        return;
      case '2':  // DUP
        if (stack_.empty()) return fail("a pickle that takes what is not there");
        return push(PickleValue(stack_.back()));
      case 'N':  // NONE
        return push({});
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        return push_number(code == 0x88 ? 1 : 0);
      case 'I':  // INT; "01" and "00" are True and False
      case 'L':  // LONG
      case 'F':  // FLOAT
        return push_decimal(take_line());
      case 'J':  // BININT
        return push_number(signed_little(take(4)));
      case 'K':  // BININT1
        return push_number(static_cast<double>(little(take(1))));
      case 'M':  // BININT2
        return push_number(static_cast<double>(little(take(2))));
      case 0x8a:  // LONG1
        return push_number(signed_little(take_counted(1)));
      case 0x8b:  // LONG4
        return push_number(signed_little(take_counted(4)));
      case 'G':  // BINFLOAT
        return push_real();
      case 'S':  // STRING
        return push_quoted(take_line());
      case 'V':  // UNICODE
        return push_unicode(take_line());
      case 'U':   // SHORT_BINSTRING
      case 'C':   // SHORT_BINBYTES
      case 0x8c:  // SHORT_BINUNICODE
        return push_text(take_counted(1));
      case 'T':  // BINSTRING
      case 'B':  // BINBYTES
      case 'X':  // BINUNICODE
        return push_text(take_counted(4));
      case 0x8d:  // BINUNICODE8
      case 0x8e:  // BINBYTES8
        return push_text(take_counted(8));
      case ']':  // EMPTY_LIST
      case ')':  // EMPTY_TUPLE
        return push_sequence({});
      case 'l':  // LIST
      case 't':  // TUPLE
        return push_sequence(pop_marked());
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        return push_sequence(pop(code - 0x84));
      case 'a':  // APPEND
        return append(pop(1));
      case 'e':  // APPENDS
        return append(pop_marked());
      case 'p':  // PUT
        return remember(take_line());
      case 'q':  // BINPUT
        return remember(little(take(1)));
      case 'r':  // LONG_BINPUT
        return remember(little(take(4)));
      case 0x94:  // MEMOIZE
        return remember(std::uint64_t{memo_.size()});
      case 'g':  // GET
        return recall(take_line());
      case 'h':  // BINGET
        return recall(little(take(1)));
      case 'j':  // LONG_BINGET
        return recall(little(take(4)));
      default:
        return fail("a pickle of more than lists, tuples, texts and numbers");
    }
  }

  std::string_view bytes_;
  std::vector<PickleValue> stack_;
  std::size_t pushed_ = 0;
  std::vector<std::vector<PickleValue>> sequences_;
  std::deque<std::string> texts_;
  std::map<std::uint64_t, PickleValue> memo_;
  char const* fault_ = nullptr;
};

}  // namespace

std::uint32_t pickle_length(std::string_view header) {
  std::uint32_t length = 0;
  for (char const byte : header.substr(0, pickle_header_bytes))
    length = length << 8 | static_cast<unsigned char>(byte);
  return length;
}

Result<PickleCounts> read_pickled_points(std::string_view pickle,
                                         std::function<void(Point const&)> const& visit) {
  PickleMachine machine(pickle);
  auto const list = machine.run();
  if (!list) return list.error();
  PickleCounts counts;
  for (PickleValue const& element : **list) {
    auto const* const pair = machine.items(element);
    auto const* const point =
        pair != nullptr && pair->size() == 2 ? machine.items((*pair)[1]) : nullptr;
    bool const fits = point != nullptr && point->size() == 2 && (*pair)[0].kind == PickleKind::text;
    auto const time = fits ? number_of((*point)[0]) : std::nullopt;
    auto const value = fits ? number_of((*point)[1]) : std::nullopt;
    if (!time || !value) {
      ++counts.unfit;
      continue;
    }
    ++counts.points;
    visit({(*pair)[0].text, *value, *time});
  }
  return counts;
}

}  // namespace dadvisor::graphite
