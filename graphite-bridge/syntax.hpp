#pragma once
// The target grammar: text to a tree, before anybody knows which functions exist. Follows
// graphite-web's render/grammar.py; deliberate differences: the whole text must parse (graphite
// takes the longest prefix that does and forgets the rest), and braces may nest or hold an empty
// alternative. Pure, any thread.
//
//   target   = expression
//   expression = (template | call | path) { "|" call }     pipes put the left side in as the
//                                                           first argument
//   call     = name "(" [argument {"," argument}] {"," name "=" argument} ")"
//   argument = true | false | none | inf (any case) | number | 'text' | "text" | expression
//   template = "template(" expression {"," literal} {"," name "=" literal} ")"
//   path     = node {"." node}; a node holds every printable byte except (){},.'"\|, these after
//              a backslash, and alternatives {a,b}; * ? [a-z] are left to glob.hpp

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/value.hpp"

namespace dadvisor::graphite {

// How deep calls, pipes and templates may lie in each other, and how long a target may be.
inline constexpr int max_target_depth = 64;
inline constexpr std::size_t max_target_bytes = 256 * 1024;
inline constexpr std::size_t max_target_variants = 65'536;  // that its braces expand to

struct Syntax {
  enum class Kind { literal, path, call, template_ };
  Kind kind = Kind::literal;
  std::size_t begin = 0;  // where in the text it stands, in bytes
  std::size_t end = 0;
  std::string keyword;            // of a named argument; empty when positional
  Value value;                    // of a literal
  std::string text;               // the path without its backslashes, or the called name
  std::vector<Syntax> arguments;  // of a call: positional, then named; of a template: the
                                  // expression, then its literals
};

// The tree of a whole target. Errc::malformed, with a line that points to the byte:
// `target: expected ")" at character 13: sumSeries(a.b<here>`.
Result<Syntax> parse_syntax(std::string_view target);
// The tree of the longest prefix that is an expression, for reading series' names, which may be
// anything. Errc::malformed when not even the beginning is one.
Result<Syntax> parse_syntax_prefix(std::string_view text);

// The first path in `name`, going down into the first argument of each call; empty when there is
// none. "scale(sum(a.b,c.d),2)" -> "a.b" (graphite-web: _getFirstPathExpression).
std::string first_path(std::string_view name);

// An error about byte `at` of `target`: the message, then the text with a mark at that byte.
Error error_at(std::string_view target, std::size_t at, std::string const& message);

}  // namespace dadvisor::graphite
