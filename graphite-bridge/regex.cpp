#include "graphite-bridge/regex.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "graphite-bridge/character.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

using std::string_view;

// A replacement cut into literal texts and group numbers.
struct Piece {
  std::string text;
  int group = -1;  // -1: the text counts
};

Error bad_replacement(string_view replacement, std::string const& why) {
  return Error{Errc::malformed, 0, "replacement \"" + std::string(replacement) + "\": " + why};
}

// \g<n> or \g<name>, `at` behind the "\g". Moves `at` behind the ">".
Result<int> named_group(re2::RE2 const& regex, string_view replacement, std::size_t& at) {
  auto const close = replacement.find('>', at);
  if (at >= replacement.size() || replacement[at] != '<' || close == string_view::npos) {
    return bad_replacement(replacement, "expected \\g<group>");
  }
  std::string const name(replacement.substr(at + 1, close - at - 1));
  at = close + 1;
  if (auto const number = parse_integer(name); number && *number >= 0 && *number <= 99) {
    return static_cast<int>(*number);
  }
  auto const& names = regex.NamedCapturingGroups();
  auto const found = names.find(name);
  if (found == names.end()) return bad_replacement(replacement, "no group " + name);
  return found->second;
}

Result<std::vector<Piece>> cut(re2::RE2 const& regex, string_view replacement) {
  std::vector<Piece> pieces(1);
  std::size_t at = 0;
  while (at < replacement.size()) {
    char const c = replacement[at++];
    if (c != '\\') {
      pieces.back().text += c;
      continue;
    }
    if (at >= replacement.size()) return bad_replacement(replacement, "ends with a backslash");
    char const next = replacement[at++];
    int group = -1;
    if (is_digit(next) && next != '0') {
      group = next - '0';
      if (at < replacement.size() && is_digit(replacement[at])) {
        group = group * 10 + (replacement[at++] - '0');
      }
    } else if (next == 'g') {
      auto const named = named_group(regex, replacement, at);
      if (!named) return named.error();
      group = *named;
    } else if (next == '\\') {
      pieces.back().text += '\\';
    } else if (next == 'n' || next == 't' || next == 'r') {
      pieces.back().text += next == 'n' ? '\n' : next == 't' ? '\t' : '\r';
    } else if ((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '0') {
      return bad_replacement(replacement, std::string("bad escape \\") + next);
    } else {
      pieces.back().text += '\\';
      pieces.back().text += next;
    }
    if (group >= 0) {
      if (group > regex.NumberOfCapturingGroups()) {
        return bad_replacement(replacement, "no group " + std::to_string(group));
      }
      pieces.push_back(Piece{{}, group});
      pieces.emplace_back();
    }
  }
  return pieces;
}

bool is_any(string_view pattern) {
  constexpr std::array<string_view, 4> any{"", "^", ".*", "^.*"};
  return std::ranges::find(any, pattern) != any.end();
}

// The letters behind a leading "^" that stand for themselves.
std::string beginning_of(string_view pattern) {
  std::string out;
  if (!pattern.starts_with('^') || pattern.find('|') != string_view::npos) return out;
  for (std::size_t at = 1; at < pattern.size(); ++at) {
    bool const escaped = pattern[at] == '\\' && at + 1 < pattern.size();
    char const c = escaped ? pattern[at + 1] : pattern[at];
    bool const itself = escaped ? c == '.' || c == '-'
                                : is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                      c == '_' || c == '-';
    if (!itself) {
      // What may be there several times, or not at all.
      if (!escaped && (c == '*' || c == '?' || c == '{') && !out.empty()) out.pop_back();
      break;
    }
    out += c;
    at += escaped ? 1 : 0;
  }
  return out;
}

}  // namespace

Regex::Regex(std::shared_ptr<re2::RE2 const> regex, string_view pattern)
    : regex_(std::move(regex)), anything_(is_any(pattern)), beginning_(beginning_of(pattern)) {}

Result<Regex> Regex::compile(string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex =
      std::make_shared<re2::RE2 const>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) {
    return Error{Errc::malformed, 0,
                 "regular expression \"" + std::string(pattern) + "\": " + regex->error()};
  }
  return Regex(std::move(regex), pattern);
}

bool Regex::matches(string_view text) const {
  return anything_ || re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *regex_);
}

bool Regex::matches_start(string_view text) const {
  re2::StringPiece const input(text.data(), text.size());
  return regex_->Match(input, 0, input.size(), re2::RE2::ANCHOR_START, nullptr, 0);
}

std::optional<std::map<std::string, std::string>> Regex::fields_at_start(string_view text) const {
  re2::StringPiece const input(text.data(), text.size());
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex_->NumberOfCapturingGroups()) +
                                       1);
  if (!regex_->Match(input, 0, input.size(), re2::RE2::ANCHOR_START, groups.data(),
                     static_cast<int>(groups.size())))
    return std::nullopt;
  std::map<std::string, std::string> fields;
  for (auto const& [name, number] : regex_->NamedCapturingGroups()) {
    auto const& group = groups[static_cast<std::size_t>(number)];
    fields.emplace(name, std::string(group.data() == nullptr ? "" : group.data(), group.size()));
  }
  return fields;
}

Result<std::string> Regex::replace(string_view text, string_view replacement) const {
  auto const pieces = cut(*regex_, replacement);
  if (!pieces) return pieces.error();
  re2::StringPiece const input(text.data(), text.size());
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex_->NumberOfCapturingGroups()) +
                                       1);
  std::string out;
  std::size_t at = 0;
  while (at <= text.size() && regex_->Match(input, at, input.size(), re2::RE2::UNANCHORED,
                                            groups.data(), static_cast<int>(groups.size()))) {
    auto const begin = static_cast<std::size_t>(groups[0].data() - text.data());
    out += text.substr(at, begin - at);
    for (auto const& piece : *pieces) {
      if (piece.group < 0) {
        out += piece.text;
      } else {
        auto const& group = groups[static_cast<std::size_t>(piece.group)];
        out.append(group.data() == nullptr ? "" : group.data(), group.size());
      }
    }
    at = begin + groups[0].size();
    if (groups[0].empty()) {
      // Goes on behind the next character, which stays.
      if (at >= text.size()) return out;
      do {
        out += text[at++];
      } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u);
    }
  }
  if (at < text.size()) out += text.substr(at);
  return out;
}

}  // namespace dadvisor::graphite
