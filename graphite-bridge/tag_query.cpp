#include "graphite-bridge/tag_query.hpp"

#include <algorithm>
#include <utility>

namespace dadvisor::graphite {
namespace {

bool holds(TagExpression const& expression, std::string_view value) {
  bool const fits =
      expression.regex ? expression.regex->matches_start(value) : value == expression.value;
  return fits != expression.negated;
}

Result<TagExpression> parse_expression(std::string const& text) {
  Error const malformed{Errc::malformed, 0, "seriesByTag(): not a tag expression: " + text};
  auto const at = text.find_first_of(";!=");
  if (at == std::string::npos || at == 0) return malformed;
  TagExpression out;
  out.tag = text.substr(0, at);
  std::string_view rest = std::string_view(text).substr(at);
  out.negated = rest.starts_with('!');
  if (out.negated) rest.remove_prefix(1);
  if (!rest.starts_with('=')) return malformed;
  rest.remove_prefix(1);
  bool const is_regex = rest.starts_with('~');
  if (is_regex) rest.remove_prefix(1);
  if (rest.find(';') != std::string_view::npos) return malformed;
  out.value = rest;
  if (is_regex) {
    auto regex = Regex::compile(rest);
    if (!regex) return regex.error().within("seriesByTag()");
    out.regex = std::move(*regex);
  }
  return out;
}

}  // namespace

bool TagQuery::matches(std::map<std::string, std::string> const& tags) const {
  return std::all_of(expressions_.begin(), expressions_.end(), [&](TagExpression const& wanted) {
    auto const tag = tags.find(wanted.tag);
    return holds(wanted, tag == tags.end() ? std::string_view() : tag->second);
  });
}

Result<TagQuery> parse_tag_query(std::vector<std::string> const& expressions) {
  std::vector<TagExpression> parsed;
  bool demands_value = false;
  std::string all;
  for (auto const& text : expressions) {
    all += std::to_string(text.size()) + ':' + text;
    auto expression = parse_expression(text);
    if (!expression) return expression.error();
    demands_value = demands_value || !holds(*expression, "");
    parsed.push_back(std::move(*expression));
  }
  if (!demands_value) {
    return Error{Errc::malformed, 0, "seriesByTag() needs an expression that demands a value"};
  }
  return TagQuery(std::move(parsed), std::move(all));
}

}  // namespace dadvisor::graphite
