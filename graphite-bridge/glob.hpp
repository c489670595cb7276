#pragma once
// Patterns over the nodes of a Graphite path: * ? [a-z] [!a] {a,b}, braces nested. Used by the
// language and by whoever indexes paths: compile once per query, then match nodes or seek to
// literal_prefix(). Values, immutable after compile, any thread.
//
// Rules, as graphite-web's finder has them (finders/utils.py, Python's fnmatch): a "*" never
// crosses a dot, since patterns are split at dots first; "[" without "]" and a brace without its
// partner stand for themselves; a backslash makes the next character literal. "**" is a "*".

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::graphite {

// How many texts the braces of one node may expand to.
inline constexpr std::size_t max_brace_variants = 1024;
// Those of all nodes of a path, and how long a text with wildcards may be: no name is as long.
inline constexpr std::size_t max_path_variants = 4096;
inline constexpr std::size_t max_variant_bytes = 1024;

// Whether `text` has a character that makes it more than a name.
bool has_wildcard(std::string_view text);

// The nodes of a pattern or path, split at its dots. "a.{b,c}.*" -> "a" "{b,c}" "*". An empty
// text is one empty node. Views into `pattern`.
std::vector<std::string_view> split_nodes(std::string_view pattern);

class NodePattern {
 public:
  // Errc::too_large when braces expand to more than max_brace_variants, or one of them is too long.
  static Result<NodePattern> compile(std::string_view pattern);

  bool matches(std::string_view node) const;
  // The only texts that match, sorted and unique, when there is no * ? [ in it; empty otherwise.
  std::vector<std::string> const& literals() const { return literals_; }
  bool is_literal() const { return variants_.empty(); }
  // What each matching node begins with; empty when nothing is certain.
  std::string const& literal_prefix() const { return prefix_; }
  std::size_t variants() const { return variants_.size() + literals_.size(); }
  // How much one matches() may take, in steps of some 10 ns.
  std::size_t cost() const { return cost_; }

 private:
  std::vector<std::string> variants_;  // expanded, with wildcards; empty when literals_ suffice
  std::vector<std::string> literals_;
  std::string prefix_;
  std::size_t cost_ = 1;
};

// A whole path pattern: one NodePattern a node.
class PathPattern {
 public:
  // Errc::too_large as NodePattern.
  static Result<PathPattern> compile(std::string_view pattern);

  std::string const& text() const { return text_; }
  std::vector<NodePattern> const& nodes() const { return nodes_; }
  // True when `path` has as many nodes and each matches.
  bool matches(std::string_view path) const;

 private:
  std::string text_;
  std::vector<NodePattern> nodes_;
};

}  // namespace dadvisor::graphite
