#include "graphite-bridge/glob.hpp"

#include <algorithm>
#include <optional>

#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite {
namespace {

using std::string_view;

// Past the code point that begins at `at`: "?" and sets eat whole UTF-8 characters.
std::size_t next_character(string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u) ++at;
  return at;
}

// The first brace pair with nothing but text in it, as the position of "{" and of "}".
struct BracePair {
  std::size_t open;
  std::size_t close;
};

std::optional<BracePair> innermost_braces(string_view text) {
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      open = i;
    } else if (text[i] == '}' && open) {
      return BracePair{*open, i};
    }
  }
  return std::nullopt;
}

// What is made on the way may be longer than what comes out: a list of hosts beside another.
constexpr std::size_t most_expanded_bytes = 4 << 20;

bool expand_braces(std::string const& text, std::vector<std::string>& out) {
  std::size_t bytes = 0;
  std::vector<std::string> open{text};
  while (!open.empty()) {
    std::string const now = std::move(open.back());
    open.pop_back();
    auto const pair = innermost_braces(now);
    if (!pair) {
      out.push_back(now);
      if (out.size() > max_brace_variants) return false;
      continue;
    }
    string_view inner = string_view(now).substr(pair->open + 1, pair->close - pair->open - 1);
    std::size_t begin = 0;
    while (true) {
      auto const comma = inner.find(',', begin);
      std::string variant = now.substr(0, pair->open);
      variant += inner.substr(begin, comma == string_view::npos ? comma : comma - begin);
      variant += string_view(now).substr(pair->close + 1);
      bytes += variant.size();
      if (bytes > most_expanded_bytes) return false;
      open.push_back(std::move(variant));
      if (open.size() + out.size() > max_brace_variants) return false;
      if (comma == string_view::npos) break;
      begin = comma + 1;
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return true;
}

// The "]" that ends the set opened at `open`; a "]" right after "[" or "[!" belongs to the set.
std::size_t set_end(string_view pattern, std::size_t open) {
  std::size_t at = open + 1;
  if (at < pattern.size() && pattern[at] == '!') ++at;
  if (at < pattern.size() && pattern[at] == ']') ++at;
  return pattern.find(']', at);
}

bool in_set(string_view set, string_view character) {
  bool negated = false;
  if (set.starts_with('!')) {
    negated = true;
    set.remove_prefix(1);
  }
  bool found = false;
  std::size_t at = 0;
  while (at < set.size()) {
    std::size_t const after = next_character(set, at);
    string_view const low = set.substr(at, after - at);
    if (after + 1 < set.size() && set[after] == '-') {
      std::size_t const high_end = next_character(set, after + 1);
      // UTF-8 sorts by bytes as by code points.
      string_view const high = set.substr(after + 1, high_end - after - 1);
      found = found || (low <= character && character <= high);
      at = high_end;
    } else {
      found = found || low == character;
      at = after;
    }
  }
  return found != negated;
}

// Matches one element of the pattern other than "*" at `text[at]`; false when it does not fit.
bool match_one(string_view pattern, std::size_t& p, string_view text, std::size_t& at) {
  if (at >= text.size()) return false;
  char const c = pattern[p];
  if (c == '?') {
    ++p;
    at = next_character(text, at);
    return true;
  }
  if (c == '[') {
    auto const end = set_end(pattern, p);
    if (end != string_view::npos) {
      auto const after = next_character(text, at);
      if (!in_set(pattern.substr(p + 1, end - p - 1), text.substr(at, after - at))) return false;
      p = end + 1;
      at = after;
      return true;
    }
  }
  std::size_t const literal = c == '\\' && p + 1 < pattern.size() ? p + 1 : p;
  if (pattern[literal] != text[at]) return false;
  p = literal + 1;
  ++at;
  return true;
}

// One "*" at a time is enough to go back to: a later one swallows what an earlier one could.
bool match_variant(string_view pattern, string_view text) {
  std::size_t p = 0;
  std::size_t at = 0;
  std::size_t star = string_view::npos;
  std::size_t star_text = 0;
  while (at < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = at;
      continue;
    }
    if (p < pattern.size() && match_one(pattern, p, text, at)) continue;
    if (star == string_view::npos || star_text >= text.size()) return false;
    p = star;
    at = ++star_text;
  }
  return true;
}

bool is_special(string_view pattern, std::size_t at) {
  char const c = pattern[at];
  return c == '*' || c == '?' || (c == '[' && set_end(pattern, at) != string_view::npos);
}

// The text before the first wildcard, escapes removed; `whole` tells that there was no wildcard.
std::string literal_part(string_view variant, bool& whole) {
  std::string out;
  whole = false;
  for (std::size_t i = 0; i < variant.size(); ++i) {
    if (is_special(variant, i)) return out;
    if (variant[i] == '\\' && i + 1 < variant.size()) ++i;
    out += variant[i];
  }
  whole = true;
  return out;
}

}  // namespace

bool has_wildcard(string_view text) { return text.find_first_of("*?[{") != string_view::npos; }

std::vector<string_view> split_nodes(string_view pattern) {
  std::vector<string_view> nodes;
  std::size_t begin = 0;
  while (true) {
    auto const dot = pattern.find('.', begin);
    if (dot == string_view::npos) break;
    nodes.push_back(pattern.substr(begin, dot - begin));
    begin = dot + 1;
  }
  nodes.push_back(pattern.substr(begin));
  return nodes;
}

Result<NodePattern> NodePattern::compile(string_view pattern) {
  std::vector<std::string> variants;
  if (!expand_braces(std::string(pattern), variants)) {
    return Error{Errc::too_large, 0,
                 "braces expand to more than " + std::to_string(max_brace_variants) +
                     " names: ask for fewer, or with *",
                 query_limit::braces};
  }
  NodePattern out;
  bool all_literal = true;
  std::size_t longest = 0;
  std::vector<std::string> literals;
  for (auto const& variant : variants) {
    bool whole = false;
    literals.push_back(literal_part(variant, whole));
    if (!whole) longest = std::max(longest, variant.size());
    out.cost_ += 4 + variant.size() / 8;
    all_literal = all_literal && whole;
  }
  if (longest > max_variant_bytes) {
    return Error{Errc::too_large, 0,
                 "a node of a pattern is longer than " + std::to_string(max_variant_bytes) +
                     " characters: no name is",
                 query_limit::length};
  }
  out.prefix_ = literals.front();
  for (auto const& literal : literals) {
    auto const [mine, theirs] =
        std::mismatch(out.prefix_.begin(), out.prefix_.end(), literal.begin(), literal.end());
    out.prefix_.erase(mine, out.prefix_.end());
  }
  if (all_literal) {
    std::sort(literals.begin(), literals.end());
    literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
    out.literals_ = std::move(literals);
  } else {
    out.variants_ = std::move(variants);
  }
  return out;
}

bool NodePattern::matches(string_view node) const {
  if (is_literal()) return std::binary_search(literals_.begin(), literals_.end(), node);
  return std::any_of(variants_.begin(), variants_.end(),
                     [&](std::string const& variant) { return match_variant(variant, node); });
}

Result<PathPattern> PathPattern::compile(string_view pattern) {
  PathPattern out;
  out.text_ = pattern;
  std::size_t variants = 0;
  for (auto const node : split_nodes(pattern)) {
    auto compiled = NodePattern::compile(node);
    if (!compiled) return compiled.error();
    variants += compiled->variants() > 1 ? compiled->variants() : 0;
    if (variants > max_path_variants) {
      return Error{Errc::too_large, 0,
                   "braces expand to more than " + std::to_string(max_path_variants) +
                       " names: ask for fewer, or with *",
                   query_limit::braces};
    }
    out.nodes_.push_back(std::move(*compiled));
  }
  return out;
}

bool PathPattern::matches(string_view path) const {
  auto const parts = split_nodes(path);
  if (parts.size() != nodes_.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!nodes_[i].matches(parts[i])) return false;
  }
  return true;
}

}  // namespace dadvisor::graphite
