#include "graphite-bridge/syntax.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "graphite-bridge/character.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite {
namespace {

using std::string_view;

constexpr string_view symbols = "(){},.'\"\\|";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_path_byte(char c) {
  auto const byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f && symbols.find(c) == string_view::npos;
}

// One pass over the text. Each method leaves position_ behind what it read; on false the first
// failure is kept in error_.
class Parser {
 public:
  explicit Parser(string_view text) : text_(text) {}

  Result<Syntax> parse(bool whole) {
    if (text_.size() > max_target_bytes) {
      return Error{Errc::malformed, 0, "target: longer than 262144 characters: split it",
                   query_limit::length};
    }
    Syntax out;
    skip_blanks();
    if (!expression(out)) return *error_;
    if (whole) {
      skip_blanks();
      if (!at_end()) {
        fail("expected the end");
        return *error_;
      }
    }
    return out;
  }

 private:
  bool at_end() const { return position_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position_]; }
  void skip_blanks() {
    while (!at_end() && is_blank(text_[position_])) ++position_;
  }
  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++position_;
    return true;
  }
  bool fail(std::string const& message) {
    if (!error_) error_ = error_at(text_, position_, message);
    return false;
  }
  // Depth of the tree under `syntax` is bounded as it grows, by both nesting and pipes.
  bool enter() {
    if (++depth_ > max_target_depth) {
      fail("calls lie more than " + std::to_string(max_target_depth) + " deep: nest fewer");
      error_->limit = query_limit::depth;
      return false;
    }
    return true;
  }

  // An argument ends here: literals count only when nothing is glued to them.
  bool argument_ends(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at >= text_.size() || text_[at] == ',' || text_[at] == ')';
  }

  string_view identifier_ahead() const {
    std::size_t at = position_;
    if (at >= text_.size() || !(is_letter(text_[at]) || text_[at] == '_')) return {};
    while (at < text_.size() && (is_letter(text_[at]) || is_digit(text_[at]) || text_[at] == '_')) {
      ++at;
    }
    return text_.substr(position_, at - position_);
  }
  // The first byte after an identifier and blanks, or '\0'.
  char after_identifier(string_view name) const {
    std::size_t at = position_ + name.size();
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at < text_.size() ? text_[at] : '\0';
  }

  bool expression(Syntax& out) {
    int const depth = depth_;
    if (!enter()) return false;
    if (!primary(out)) return false;
    while (true) {
      std::size_t const before = position_;
      skip_blanks();
      if (!take('|')) {
        position_ = before;
        break;
      }
      skip_blanks();
      if (!enter()) return false;
      Syntax piped;
      auto const name = identifier_ahead();
      if (name.empty() || name == "template" || after_identifier(name) != '(') {
        return fail("expected a call after \"|\"");
      }
      if (!call(name, piped)) return false;
      out.keyword.clear();
      piped.arguments.insert(piped.arguments.begin(), std::move(out));
      out = std::move(piped);
    }
    depth_ = depth;
    return true;
  }

  bool primary(Syntax& out) {
    auto const name = identifier_ahead();
    if (!name.empty() && after_identifier(name) == '(') return call(name, out);
    return path(out);
  }

  bool call(string_view name, Syntax& out) {
    out.kind = name == "template" ? Syntax::Kind::template_ : Syntax::Kind::call;
    out.begin = position_;
    out.text = name;
    position_ += name.size();
    skip_blanks();
    ++position_;  // the "(" was seen ahead
    skip_blanks();
    if (take(')')) {
      if (out.kind == Syntax::Kind::template_) return fail("template() needs an expression");
      out.end = position_;
      return true;
    }
    bool named = false;
    do {
      skip_blanks();
      Syntax next;
      auto const start = position_;
      auto const keyword = identifier_ahead();
      if (!keyword.empty() && after_identifier(keyword) == '=') {
        named = true;
        position_ += keyword.size();
        skip_blanks();
        ++position_;
        skip_blanks();
      } else if (named) {
        return fail("a positional argument may not follow a named one");
      }
      if (!argument(next)) return false;
      if (named) {
        next.keyword = keyword;
        next.begin = start;
      }
      if (out.kind == Syntax::Kind::template_ && !template_part(out, next)) return false;
      out.arguments.push_back(std::move(next));
      skip_blanks();
    } while (take(','));
    if (!take(')')) return fail("expected \")\"");
    out.end = position_;
    return true;
  }

  bool template_part(Syntax const& out, Syntax const& next) {
    bool const literal = next.kind == Syntax::Kind::literal;
    bool const number_or_text = literal && (std::holds_alternative<std::int64_t>(next.value) ||
                                            std::holds_alternative<double>(next.value) ||
                                            std::holds_alternative<std::string>(next.value));
    bool const first = out.arguments.empty();
    if (first && (literal || !next.keyword.empty())) {
      position_ = next.begin;
      return fail("template() needs an expression first");
    }
    if (!first && !number_or_text) {
      position_ = next.begin;
      return fail("template() takes numbers and texts only");
    }
    return true;
  }

  bool argument(Syntax& out) {
    out.begin = position_;
    if (peek() == '\'' || peek() == '"') return text_literal(out);
    if (number(out) || word(out)) {
      out.end = position_;
      return true;
    }
    return expression(out);
  }

  // true false none inf, any case.
  bool word(Syntax& out) {
    auto const name = identifier_ahead();
    if (name.empty() || name.size() > 5 || !argument_ends(position_ + name.size())) return false;
    std::string lower(name);
    for (auto& c : lower) c = static_cast<char>(c | 0x20);
    if (lower == "true" || lower == "false") {
      out.value = lower == "true";
    } else if (lower == "none") {
      out.value = std::monostate{};
    } else if (lower == "inf") {
      out.value = std::numeric_limits<double>::infinity();
    } else {
      return false;
    }
    position_ += name.size();
    return true;
  }

  bool number(Syntax& out) {
    std::size_t at = position_;
    auto const digits = [&] {
      std::size_t const start = at;
      while (at < text_.size() && is_digit(text_[at])) ++at;
      return at > start;
    };
    bool real = false;
    if (at < text_.size() && text_[at] == '-') ++at;
    if (!digits()) return false;
    if (at + 1 < text_.size() && text_[at] == '.' && is_digit(text_[at + 1])) {
      ++at;
      digits();
      real = true;
    }
    if (at < text_.size() && (text_[at] == 'e' || text_[at] == 'E')) {
      ++at;
      if (at < text_.size() && text_[at] == '-') ++at;
      if (!digits()) return false;
      real = true;
    }
    if (!argument_ends(at)) return false;
    auto const digits_text = text_.substr(position_, at - position_);
    if (auto const integer = real ? std::nullopt : parse_integer(digits_text)) {
      out.value = *integer;
    } else {
      out.value = parse_float(digits_text).value_or(0);
    }
    position_ = at;
    return true;
  }

  // What stands between the quotes is taken as it is: a doubled quote and a backslash with what
  // follows stay in the text, as regular expressions need them.
  bool text_literal(Syntax& out) {
    char const quote = text_[position_];
    std::size_t at = position_ + 1;
    while (true) {
      if (at >= text_.size() || text_[at] == '\n' || text_[at] == '\r') {
        return fail(std::string("no closing ") + quote + " for this text");
      }
      if (text_[at] == '\\') {
        at += 2;
      } else if (text_[at] != quote) {
        ++at;
      } else if (at + 1 < text_.size() && text_[at + 1] == quote) {
        at += 2;
      } else {
        break;
      }
    }
    out.value = std::string(text_.substr(position_ + 1, at - position_ - 1));
    position_ = at + 1;
    out.end = position_;
    return true;
  }

  bool path(Syntax& out) {
    out.kind = Syntax::Kind::path;
    out.begin = position_;
    do {
      std::size_t const node_begin = out.text.size();
      if (!node(out.text)) return false;
      if (out.text.size() == node_begin) {
        return fail(node_begin == 0 ? "expected a path or a function" : "expected a path node");
      }
      auto const compiled = NodePattern::compile(string_view(out.text).substr(node_begin));
      if (!compiled) {
        fail(compiled.error().context);
        error_->limit = compiled.error().limit;
        return false;
      }
      variants_ += compiled->variants() > 1 ? compiled->variants() : 0;
      if (variants_ > max_target_variants) {
        fail("braces expand to more than " + std::to_string(max_target_variants) +
             " names in all: ask for fewer, or with *");
        error_->limit = query_limit::braces;
        return false;
      }
      if (peek() == '.') out.text += '.';
    } while (take('.'));
    out.end = position_;
    return true;
  }

  bool node(std::string& out) {
    int braces = 0;
    while (!at_end()) {
      char const c = text_[position_];
      if (c == '\\') {
        char const escaped = position_ + 1 < text_.size() ? text_[position_ + 1] : '\0';
        if (escaped != '=' && (escaped == '\0' || symbols.find(escaped) == string_view::npos)) {
          return fail("nothing to escape after \"\\\"");
        }
        out += escaped;
        position_ += 2;
        continue;
      }
      if (c == '{') {
        ++braces;
      } else if (c == '}' && braces > 0) {
        --braces;
      } else if (!is_path_byte(c) && !(c == ',' && braces > 0)) {
        break;
      }
      out += c;
      ++position_;
    }
    if (braces > 0) return fail("expected \"}\"");
    return true;
  }

  string_view text_;
  std::size_t position_ = 0;
  int depth_ = 0;
  std::size_t variants_ = 0;  // of all braces
  std::optional<Error> error_;
};

}  // namespace

Result<Syntax> parse_syntax(string_view target) { return Parser(target).parse(true); }

Result<Syntax> parse_syntax_prefix(string_view text) { return Parser(text).parse(false); }

std::string first_path(string_view name) {
  auto tree = parse_syntax_prefix(name);
  // What is no call, for its arguments do not parse, begins with a path all the same.
  if (!tree) tree = parse_syntax_prefix(name.substr(0, name.find('(')));
  if (!tree) return {};
  Syntax const* at = &*tree;
  while (at->kind == Syntax::Kind::call && !at->arguments.empty()) at = &at->arguments.front();
  return at->kind == Syntax::Kind::path ? at->text : std::string();
}

Error error_at(string_view target, std::size_t at, std::string const& message) {
  constexpr std::size_t around = 60;
  at = std::min(at, target.size());
  std::size_t const begin = at > around ? at - around : 0;
  std::string shown(target.substr(begin, at - begin));
  shown += "<here>";
  shown += target.substr(at, around);
  for (auto& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return Error{Errc::malformed, 0,
               "target: " + message + " at character " + std::to_string(at) + ": " + shown};
}

}  // namespace dadvisor::graphite
