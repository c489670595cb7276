#include "graphite-bridge/expression.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "graphite-bridge/argument.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/syntax.hpp"
#include "graphite-bridge/tag_query.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::size_t most_tried = 10'000'000;

// What the $names of the template around stand for, in the order in which they are put in.
using Replacements = std::vector<std::pair<std::string, Value>>;

void set_replacement(Replacements& replacements, std::string const& name, Value value) {
  for (auto& [known, current] : replacements) {
    if (known == name) {
      current = std::move(value);
      return;
    }
  }
  replacements.emplace_back(name, std::move(value));
}

// Values may hold $names in their turn: no further than what a target may be long.
void replace_all(std::string& text, std::string const& what, std::string const& with) {
  for (auto at = text.find(what); at != std::string::npos && text.size() <= max_target_bytes;
       at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
}

// Turns the syntax tree into one of known functions and checked arguments.
class Binder {
 public:
  Binder(std::string_view target, TemplateValues const& values, FunctionTable const& table,
         QueryBudget* budget)
      : target_(target), values_(values), table_(table), budget_(budget) {}

  using NodePointer = std::shared_ptr<ExpressionNode const>;

  Result<NodePointer> bind(Syntax const& syntax, Replacements const& replacements) {
    if (syntax.kind == Syntax::Kind::template_) return bind_template(syntax);
    if (syntax.kind == Syntax::Kind::call) return bind_call(syntax, replacements);
    auto const resolved = resolve(syntax, replacements);
    if (auto const* pattern = std::get_if<std::string>(&resolved)) {
      return bind_path(syntax, *pattern);
    }
    return error_at(target_, syntax.begin, "expected series, not a number");
  }

 private:
  // Values that hold other values' $names grow fast; and paths times values are work.
  Result<void> check_replaced(Syntax const& syntax) const {
    if (replaced_ <= max_target_bytes && tried_ <= most_tried) return go_on(budget_);
    auto error = error_at(target_, syntax.begin, "its $names make it too long: use fewer");
    error.limit = query_limit::length;
    return error;
  }

  Result<NodePointer> bind_path(Syntax const& syntax, std::string const& pattern) {
    if (auto const good = check_replaced(syntax); !good) return good.error();
    if (auto const compiled = PathPattern::compile(pattern); !compiled) {
      auto error = error_at(target_, syntax.begin, compiled.error().context);
      error.limit = compiled.error().limit;
      return error;
    }
    auto node = std::make_shared<ExpressionNode>();
    node->begin = syntax.begin;
    node->pattern = pattern;
    return NodePointer(std::move(node));
  }

  Result<NodePointer> bind_template(Syntax const& syntax) {
    Replacements replacements;
    for (std::size_t i = 1; i < syntax.arguments.size(); ++i) {
      auto const& argument = syntax.arguments[i];
      set_replacement(replacements, argument.keyword.empty() ? std::to_string(i) : argument.keyword,
                      argument.value);
    }
    for (auto const& [name, value] : values_) set_replacement(replacements, name, value);
    return bind(syntax.arguments.front(), replacements);
  }

  // A path with the template's values put in; a number when it is one $name and nothing else and
  // that stands for a number.
  Value resolve(Syntax const& path, Replacements const& replacements) {
    std::string text = path.text;
    for (auto const& [name, value] : replacements) {
      if (text == "$" + name) {
        auto const* given = std::get_if<std::string>(&value);
        if (given == nullptr) return value;
        bool const numeric = given->find_first_not_of("-.0123456789") == std::string::npos;
        if (auto const number = numeric ? parse_float(*given) : std::nullopt) return *number;
        return *given;
      }
      replace_all(text, "$" + name, to_text(value));
      tried_ += 8 + text.size() / 16;
      if (tried_ > most_tried) break;
    }
    if (text != path.text) replaced_ += text.size();
    return text;
  }

  Result<NodePointer> bind_call(Syntax const& syntax, Replacements const& replacements) {
    auto node = std::make_shared<ExpressionNode>();
    node->begin = syntax.begin;
    node->function = table_.find(syntax.text);
    node->table = &table_;
    if (node->function == nullptr) {
      return error_at(target_, syntax.begin, "unknown function " + syntax.text);
    }
    auto const& parameters = node->function->parameters;
    std::vector<bool> given(parameters.size(), false);
    std::size_t positional = 0;
    for (auto const& argument : syntax.arguments) {
      auto const index = parameter_of(argument, *node->function, positional, given);
      if (!index) return index.error();
      given[*index] = true;
      auto bound = bind_argument(argument, *node->function, *index, replacements);
      if (!bound) return bound.error();
      node->arguments.push_back(std::move(*bound));
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].required && !given[i]) {
        return error_at(target_, syntax.end == 0 ? 0 : syntax.end - 1,
                        syntax.text + "() needs " + parameters[i].name);
      }
    }
    if (node->function->reads_tags) {
      if (auto const read = bind_tag_query(syntax, *node); !read) return read.error();
    }
    std::stable_sort(
        node->arguments.begin(), node->arguments.end(),
        [](Argument const& a, Argument const& b) { return a.parameter < b.parameter; });
    return NodePointer(std::move(node));
  }

  // Such a call is a pattern too, as it stands.
  Result<void> bind_tag_query(Syntax const& syntax, ExpressionNode& node) const {
    std::vector<std::string> expressions;
    for (auto const& argument : node.arguments) expressions.push_back(to_text(argument.value));
    if (auto const query = parse_tag_query(expressions); !query) {
      return error_at(target_, syntax.begin, query.error().context);
    }
    node.pattern = target_.substr(syntax.begin, syntax.end - syntax.begin);
    return {};
  }

  Result<std::size_t> parameter_of(Syntax const& argument, Function const& function,
                                   std::size_t& positional, std::vector<bool> const& given) {
    auto const& parameters = function.parameters;
    if (argument.keyword.empty()) {
      if (positional < parameters.size()) return positional++;
      if (!parameters.empty() && parameters.back().multiple) return parameters.size() - 1;
      return error_at(target_, argument.begin, "too many arguments for " + function.name + "()");
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].name != argument.keyword) continue;
      if (!given[i]) return i;
      return error_at(target_, argument.begin, argument.keyword + " is given twice");
    }
    return error_at(target_, argument.begin,
                    function.name + "() has no parameter " + argument.keyword);
  }

  Result<Argument> bind_argument(Syntax const& syntax, Function const& function, std::size_t index,
                                 Replacements const& replacements) {
    auto const& parameter = function.parameters[index];
    Argument out;
    out.parameter = index;
    bool const takes_series = takes_series_list(parameter.type);
    Value value = syntax.value;
    if (syntax.kind != Syntax::Kind::literal) {
      bool is_series = true;
      if (syntax.kind == Syntax::Kind::path) {
        value = resolve(syntax, replacements);
        if (auto const good = check_replaced(syntax); !good) return good.error();
        // A $name that stands for a text is that text where a text is wanted.
        bool const substituted = value != Value(syntax.text) && syntax.text.starts_with('$');
        is_series = std::holds_alternative<std::string>(value) && (takes_series || !substituted);
      }
      if (is_series) {
        if (!takes_series) {
          return error_at(
              target_, syntax.begin,
              function.name + "(): " + parameter.name + " must be a literal; a text needs quotes");
        }
        auto series = bind(syntax, replacements);
        if (!series) return series.error();
        out.series = std::move(*series);
        return out;
      }
    }
    auto fitted = fit_argument(value, parameter, table_);
    if (!fitted) {
      return error_at(target_, syntax.begin, function.name + "(): " + fitted.error().context);
    }
    out.value = std::move(*fitted);
    return out;
  }

  std::string_view target_;
  TemplateValues const& values_;
  FunctionTable const& table_;
  QueryBudget* const budget_;
  std::size_t replaced_ = 0;  // bytes of paths that values were put into
  std::size_t tried_ = 0;     // steps of some 10 ns that this took
};

}  // namespace

std::vector<std::string> Expression::patterns() const {
  std::vector<std::string> out;
  std::function<void(ExpressionNode const&)> const visit = [&](ExpressionNode const& node) {
    if (!node.pattern.empty()) {
      if (std::find(out.begin(), out.end(), node.pattern) == out.end()) {
        out.push_back(node.pattern);
      }
      return;
    }
    for (auto const& argument : node.arguments) {
      if (argument.series) visit(*argument.series);
    }
  };
  visit(*root_);
  return out;
}

Result<Expression> parse_target(std::string_view target, TemplateValues const& values,
                                FunctionTable const& table, QueryBudget* budget) {
  auto const syntax = parse_syntax(target);
  if (!syntax) return syntax.error();
  auto root = Binder(target, values, table, budget).bind(*syntax, {});
  if (!root) return root.error();
  return Expression(std::string(target), std::move(*root));
}

}  // namespace dadvisor::graphite
