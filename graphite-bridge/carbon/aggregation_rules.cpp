#include "graphite-bridge/carbon/aggregation_rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "graphite-bridge/carbon/ini_file.hpp"
#include "graphite-bridge/carbon/name_pattern.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::array<std::pair<std::string_view, RuleMethod>, 12> rule_methods{
    {{"sum", RuleMethod::sum},
     {"avg", RuleMethod::avg},
     {"min", RuleMethod::min},
     {"max", RuleMethod::max},
     {"p50", RuleMethod::p50},
     {"p75", RuleMethod::p75},
     {"p80", RuleMethod::p80},
     {"p90", RuleMethod::p90},
     {"p95", RuleMethod::p95},
     {"p99", RuleMethod::p99},
     {"p999", RuleMethod::p999},
     {"count", RuleMethod::count}}};

constexpr std::int64_t longest_frequency = 86'400;  // seconds

Error bad_rule(std::string const& why) { return Error{Errc::malformed, 0, why}; }

double rule_percentile(double factor, std::span<double const> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  double const rank = factor * static_cast<double>(sorted.size() - 1);
  auto const left = static_cast<std::size_t>(std::floor(rank));
  auto const right = static_cast<std::size_t>(std::ceil(rank));
  if (left == right) return sorted[left];
  return sorted[left] * (static_cast<double>(right) - rank) +
         sorted[right] * (rank - static_cast<double>(left));
}

// The words of a text.
std::vector<std::string_view> rule_words(std::string_view text) {
  std::vector<std::string_view> found;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    auto const end = std::min(text.find_first_of(" \t\v\f\r"), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return found;
}

// A node of the input pattern as a part of a regular expression; adds its field, if it has one.
std::string node_pattern(std::string_view node, std::set<std::string>& fields) {
  auto const part = [&](std::size_t open, std::size_t close, std::size_t marks,
                        std::string_view what) {
    auto const name = node.substr(open + marks, close - open - marks);
    fields.emplace(name);
    return std::string(node.substr(0, open)) + "(?P<" + std::string(name) + ">" +
           std::string(what) + ")" + std::string(node.substr(close + marks));
  };
  auto const wide = node.find("<<"), wide_end = node.find(">>");
  if (wide != std::string_view::npos && wide_end != std::string_view::npos && wide_end > wide)
    return part(wide, wide_end, 2, ".+?");
  auto const open = node.find('<'), close = node.find('>');
  if (open != std::string_view::npos && close != std::string_view::npos && close > open)
    return part(open, close, 1, "[^.]+?");
  if (node == "*") return "[^.]+";
  std::string out;
  for (char const c : node) out += c == '*' ? std::string("[^.]*") : std::string(1, c);
  return out;
}

}  // namespace

double apply_rule_method(RuleMethod method, std::span<double const> values) {
  switch (method) {
    case RuleMethod::sum:
    case RuleMethod::avg: {
      double sum = 0;
      for (double const value : values) sum += value;
      return method == RuleMethod::sum ? sum : sum / static_cast<double>(values.size());
    }
    case RuleMethod::min:
      return std::ranges::min(values);
    case RuleMethod::max:
      return std::ranges::max(values);
    case RuleMethod::p50:
      return rule_percentile(0.50, values);
    case RuleMethod::p75:
      return rule_percentile(0.75, values);
    case RuleMethod::p80:
      return rule_percentile(0.80, values);
    case RuleMethod::p90:
      return rule_percentile(0.90, values);
    case RuleMethod::p95:
      return rule_percentile(0.95, values);
    case RuleMethod::p99:
      return rule_percentile(0.99, values);
    case RuleMethod::p999:
      return rule_percentile(0.999, values);
    case RuleMethod::count:
      break;
  }
  return static_cast<double>(values.size());
}

std::optional<std::string> AggregationRule::output(std::string_view path) const {
  auto const fields = input_.fields_at_start(path);
  if (!fields) return std::nullopt;
  std::string out;
  for (Piece const& piece : output_) {
    out += piece.text;
    if (!piece.field.empty()) out += fields->at(piece.field);
  }
  return out;
}

Result<AggregationRule> AggregationRule::parse(std::string_view line) {
  constexpr char const* form = "; write OUTPUT (SECONDS) = METHOD INPUT";
  auto const equals = line.find('=');
  if (equals == std::string_view::npos) return bad_rule(std::string("no rule") + form);
  auto const left = rule_words(line.substr(0, equals)), right = rule_words(line.substr(equals + 1));
  if (left.size() != 2 || right.size() != 2) return bad_rule(std::string("no rule") + form);
  auto seconds = left[1];
  while (seconds.starts_with('(')) seconds.remove_prefix(1);
  while (seconds.ends_with(')')) seconds.remove_suffix(1);
  auto const frequency = parse_integer(seconds);
  if (!frequency || *frequency <= 0 || *frequency > longest_frequency)
    return bad_rule("\"" + std::string(left[1]) + "\" is no number of seconds" + form);
  auto const method =
      std::ranges::find(rule_methods, right[0], [](auto const& one) { return one.first; });
  if (method == rule_methods.end())
    return bad_rule("\"" + std::string(right[0]) +
                    "\" is no method; write sum, avg, min, max, p50, p75, p80, p90, p95, p99, p999 "
                    "or count");
  std::set<std::string> fields;
  std::string pattern;
  for (auto const node : split_nodes(right[1])) {
    if (!pattern.empty()) pattern += "\\.";
    pattern += node_pattern(node, fields);
  }
  auto input = name_pattern(pattern + "$");
  if (!input) return input.error();
  AggregationRule rule(std::move(*input));
  rule.frequency_ = *frequency;
  rule.method_ = method->second;
  auto output = left[0];
  while (!output.empty()) {
    auto const open = std::min(output.find('<'), output.size());
    Piece piece{std::string(output.substr(0, open)), {}};
    output.remove_prefix(open);
    if (!output.empty()) {
      auto const close = output.find('>');
      if (close == std::string_view::npos) return bad_rule("a < without its >");
      piece.field = output.substr(1, close - 1);
      output.remove_prefix(close + 1);
      if (!fields.contains(piece.field))
        return bad_rule("the input has no <" + piece.field + ">, which the output asks for");
    }
    rule.output_.push_back(std::move(piece));
  }
  return rule;
}

LoadedAggregationRules parse_aggregation_rules(std::string_view text, std::string const& file) {
  LoadedAggregationRules loaded;
  each_line(text, [&](std::size_t number, std::string_view line) {
    auto const content = trimmed(line);
    if (content.empty() || content.front() == '#') return;
    if (auto rule = AggregationRule::parse(content))
      loaded.rules.push_back(std::move(*rule));
    else
      loaded.errors.push_back(config_error(file, number, rule.error().context));
  });
  return loaded;
}

}  // namespace dadvisor::graphite
