#pragma once
// aggregation-rules.conf of carbon-aggregator: points of many paths become those of one.
//
//   OUT_TEMPLATE (SECONDS) = METHOD INPUT_PATTERN
//
// <f> in the input takes a part of a node, <<f>> goes over dots, * within a node; the rest of a
// node is a regular expression, as it is in carbon. Immutable; any thread. Semantics of carbon's
// aggregator/rules.py.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

enum class RuleMethod { sum, avg, min, max, p50, p75, p80, p90, p95, p99, p999, count };

// One value of `values`, which must not be empty; in the order of their coming.
double apply_rule_method(RuleMethod method, std::span<double const> values);

class AggregationRule {
 public:
  RuleMethod method() const { return method_; }
  std::int64_t frequency() const { return frequency_; }  // seconds, above 0
  // The path that a point of `path` is added to; nothing when the rule is not about it.
  std::optional<std::string> output(std::string_view path) const;

 private:
  struct Piece {
    std::string text;
    std::string field;  // behind the text; empty: none
  };
  explicit AggregationRule(Regex input) : input_(std::move(input)) {}
  static Result<AggregationRule> parse(std::string_view line);
  friend struct LoadedAggregationRules parse_aggregation_rules(std::string_view,
                                                               std::string const&);

  Regex input_;
  std::vector<Piece> output_;
  RuleMethod method_ = RuleMethod::sum;
  std::int64_t frequency_ = 0;
};

struct LoadedAggregationRules {
  std::vector<AggregationRule> rules;  // in the file's order
  std::vector<std::string> errors;     // "FILE:LINE: what is wrong; what to do"
};
LoadedAggregationRules parse_aggregation_rules(std::string_view text, std::string const& file);

}  // namespace dadvisor::graphite
