#pragma once
// rewrite-rules.conf of carbon-aggregator: names that are other ones before ([pre]) or after
// ([post]) points are aggregated. A line is "REGEX = REPLACEMENT", cut at the first "="; each rule
// works on what the one before it made. Immutable; any thread. Semantics of carbon's rewrite.py.

#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

struct RewriteRule {
  Regex pattern;
  std::string replacement;
};
using RewriteRules = std::vector<RewriteRule>;

// What `path` is called after all rules.
std::string rewritten(RewriteRules const& rules, std::string_view path);

struct LoadedRewriteRules {
  RewriteRules pre, post;
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do"
};
LoadedRewriteRules parse_rewrite_rules(std::string_view text, std::string const& file);

}  // namespace dadvisor::graphite
