#include "graphite-bridge/call.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <numeric>
#include <utility>

#include "graphite-bridge/syntax.hpp"
#include "graphite-bridge/whole_numbers.hpp"

namespace dadvisor::graphite {

Result<Call> Call::prepare(ExpressionNode const& node, EvaluationContext& context) {
  assert(node.function != nullptr);
  Call out(*node.function, context);
  out.table_ = node.table;
  out.node_ = &node;
  std::size_t series_given = 0, text = 0;
  for (auto const& argument : node.arguments) {
    Given given;
    given.parameter = argument.parameter;
    given.value = argument.value;
    if (auto const* given_text = std::get_if<std::string>(&argument.value))
      text += given_text->size();
    if (argument.series) {
      given.is_series = true;
      given.expression = argument.series.get();
      auto series = evaluate_node(*argument.series, context);
      if (!series) return series.error();
      given.series = std::move(*series);
      series_given += given.series.size();
    }
    out.given_.push_back(std::move(given));
  }
  // Any of the texts may come to stand in the name of each series.
  if (auto const room = room_for(context.window.budget, series_given * text); !room)
    return room.error();
  return out;
}

ExpressionNode const* Call::only_path(ExpressionNode const& node) {
  ExpressionNode const* only = nullptr;
  for (auto const& argument : node.arguments) {
    if (!argument.series) continue;
    if (only != nullptr || argument.series->function != nullptr) return nullptr;
    only = argument.series.get();
  }
  return only;
}

Call Call::prepare_unread(ExpressionNode const& node, EvaluationContext& context) {
  Call out(*node.function, context);
  out.table_ = node.table;
  out.node_ = &node;
  for (auto const& argument : node.arguments) {
    Given given;
    given.parameter = argument.parameter;
    given.value = argument.value;
    given.is_series = argument.series != nullptr;
    given.expression = argument.series.get();
    out.given_.push_back(std::move(given));
  }
  return out;
}

Call::Call(Function const& function, SeriesList series, EvaluationContext& context)
    : Call(function, context) {
  give(0, std::move(series));
}

Call::Call(Function const& function, std::vector<SeriesList> lists, EvaluationContext& context)
    : Call(function, context) {
  assert(takes_lists(function, lists.size()));
  for (std::size_t i = 0; i < lists.size(); ++i) {
    give(std::min(i, function.parameters.size() - 1), std::move(lists[i]));
  }
}

bool Call::takes_lists(Function const& function, std::size_t lists) {
  auto const& parameters = function.parameters;
  for (std::size_t i = 0; i < std::max(lists, parameters.size()); ++i) {
    bool const more = i >= parameters.size();
    if (more && (parameters.empty() || !parameters.back().multiple)) return false;
    auto const& parameter = more ? parameters.back() : parameters[i];
    if (i < lists ? !takes_series_list(parameter.type) : parameter.required) return false;
  }
  return true;
}

namespace {

// Series keep their mark of whole numbers through functions that say it of what they make; most
// compute floats of ints and say nothing.
Result<SeriesList> with_marks(Function const& function, Result<SeriesList> made) {
  if (made && !tells_whole(function))
    for (auto& one : *made) one.whole = false;
  return made;
}

}  // namespace

Result<SeriesList> Call::run() { return with_marks(*function_, function_->implementation(*this)); }

Result<SeriesList> Call::run(MatchedSeries const& matched) {
  return with_marks(*function_, function_->over_matched(*this, matched));
}

void Call::give(std::size_t parameter, SeriesList series) {
  Given given;
  given.parameter = parameter;
  given.is_series = true;
  given.series = std::move(series);
  given_.push_back(std::move(given));
}

std::size_t Call::index(std::string_view parameter) const {
  auto const& parameters = function_->parameters;
  std::size_t i = 0;
  while (i < parameters.size() && parameters[i].name != parameter) ++i;
  assert(i < parameters.size());
  return i;
}

SeriesList Call::take_series(std::string_view parameter) {
  std::size_t const wanted = index(parameter);
  SeriesList out;
  for (auto& given : given_) {
    if (given.parameter != wanted) continue;
    if (out.empty()) {
      out = std::move(given.series);
    } else {
      out.insert(out.end(), std::make_move_iterator(given.series.begin()),
                 std::make_move_iterator(given.series.end()));
    }
    given.series.clear();
  }
  return out;
}

bool Call::is_series(std::string_view parameter) const {
  std::size_t const wanted = index(parameter);
  for (auto const& given : given_) {
    if (given.parameter == wanted) return given.is_series;
  }
  return false;
}

bool Call::is_given(std::string_view parameter) const {
  std::size_t const wanted = index(parameter);
  return std::any_of(given_.begin(), given_.end(),
                     [wanted](Given const& given) { return given.parameter == wanted; });
}

Value Call::value(std::string_view parameter) const {
  std::size_t const wanted = index(parameter);
  for (auto const& given : given_) {
    if (given.parameter == wanted) return given.value;
  }
  return function_->parameters[wanted].fallback;
}

std::vector<Value> Call::values(std::string_view parameter) const {
  std::size_t const wanted = index(parameter);
  std::vector<Value> out;
  for (auto const& given : given_) {
    if (given.parameter == wanted) out.push_back(given.value);
  }
  return out;
}

std::optional<double> Call::real(std::string_view parameter) const {
  auto const given = value(parameter);
  if (auto const* real = std::get_if<double>(&given)) return *real;
  if (auto const* integer = std::get_if<std::int64_t>(&given)) {
    return static_cast<double>(*integer);
  }
  return std::nullopt;
}

std::optional<std::int64_t> Call::integer(std::string_view parameter) const {
  auto const given = value(parameter);
  if (auto const* integer = std::get_if<std::int64_t>(&given)) return *integer;
  return std::nullopt;
}

bool Call::flag(std::string_view parameter) const {
  auto const given = value(parameter);
  auto const* flag = std::get_if<bool>(&given);
  return flag != nullptr && *flag;
}

std::string Call::text(std::string_view parameter) const {
  auto const given = value(parameter);
  return is_none(given) ? std::string() : to_text(given);
}

Result<SeriesList> Call::read(MatchedSeries const& matched,
                              std::span<std::size_t const> places) const {
  auto series = matched.take(places);
  if (series) adopt_fetched(*series, path(), *context_);
  return series;
}

Result<SeriesList> Call::read_all(MatchedSeries const& matched) const {
  std::vector<std::size_t> places(matched.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  return read(matched, places);
}

Result<SeriesList> Call::evaluate_again(std::string_view parameter, Window const& window) const {
  std::size_t const wanted = index(parameter);
  for (auto const& given : given_) {
    if (given.parameter != wanted || given.expression == nullptr) continue;
    EvaluationContext context = *context_;
    context.window = window;
    context.window.budget = context_->window.budget;
    return evaluate_node(*given.expression, context);
  }
  return SeriesList{};
}

Result<SeriesList> Call::evaluate_text(std::string const& target) const {
  auto const expression = parse_target(target, {}, *table_, context_->window.budget);
  if (!expression) return expression.error();
  EvaluationContext context = *context_;
  context.target = expression->target();
  return evaluate_node(expression->root(), context);
}

Error Call::error(std::string const& message) const {
  return error_at(context_->target, node_ == nullptr ? 0 : node_->begin,
                  function_->name + "(): " + message);
}

}  // namespace dadvisor::graphite
