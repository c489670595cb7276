#include "graphite-bridge/evaluate.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "graphite-bridge/aggregation.hpp"

namespace dadvisor::graphite {
namespace {

// What the call asks a source of coarse values to put them together by, for the series in it. It
// goes on through functions that leave values as they are: of a sum over series the greatest is not
// the sum of the greatest.
std::optional<Consolidation> asked(ExpressionNode const& node,
                                   std::optional<Consolidation> from_outside) {
  static constexpr std::array transparent{"Alias", "Special", "Sorting", "Filter Series", "Graph"};
  Function const& function = *node.function;
  if (function.name == "cumulative") return Consolidation::sum;
  if (function.name == "consolidateBy")
    for (Argument const& argument : node.arguments)
      if (auto const* name = std::get_if<std::string>(&argument.value); name && !argument.series)
        return find_consolidation(*name);
  if (std::ranges::find(transparent, function.group) == transparent.end()) return std::nullopt;
  return from_outside;
}

// "disk.used;dc=bj;host=h1": a path that is the whole name of one tagged series, as answers show
// it.
bool is_tagged_name(std::string_view pattern) { return pattern.find(';') != pattern.npos; }

Result<SeriesList> fetch_tagged_name(std::string_view name, EvaluationContext const& context) {
  if (name.starts_with(';')) return SeriesList{};
  std::vector<std::string> tags{"name=" + std::string(name.substr(0, name.find(';')))};
  for (auto rest = name; rest.find(';') != rest.npos;) {
    rest.remove_prefix(rest.find(';') + 1);
    tags.emplace_back(rest.substr(0, rest.find(';')));
    std::string_view const tag = tags.back();
    auto const equals = tag.find('=');
    bool const is_tag = equals != 0 && equals < tag.size() - 1 && tag.find('!') > equals;
    bool const again = std::find(tags.begin(), tags.end() - 1, tags.back()) != tags.end() - 1;
    if (!is_tag || again) return SeriesList{};
  }
  auto fetched = context.source->fetch_tagged(tags, context.window);
  if (!fetched) return fetched;
  std::erase_if(*fetched, [&](Series const& one) { return one.tags.size() != tags.size(); });
  return fetched;
}

Result<SeriesList> call_function(ExpressionNode const& node, EvaluationContext& context) {
  Function const& function = *node.function;
  auto const* path = function.over_matched == nullptr ? nullptr : Call::only_path(node);
  if (path != nullptr && !is_tagged_name(path->pattern)) {
    auto const matched = context.source->match(path->pattern, context.window);
    if (!matched) return matched.error();
    if (*matched != nullptr) {
      auto call = Call::prepare_unread(node, context);
      return call.run(**matched);
    }
  }
  auto call = Call::prepare(node, context);
  return call ? call->run() : Result<SeriesList>(call.error());
}

}  // namespace

void adopt_fetched(SeriesList& series, std::string_view pattern, EvaluationContext const& context) {
  for (auto& one : series) {
    one.path_expression = pattern;
    one.x_files_factor = context.x_files_factor;
    one.tags.try_emplace("name", one.name);
  }
}

namespace {

Result<SeriesList> evaluate_unaccounted(ExpressionNode const& node, EvaluationContext& context) {
  if (node.function != nullptr) {
    auto const outside = context.window.consolidation;
    context.window.consolidation = asked(node, outside);
    auto made = call_function(node, context);
    context.window.consolidation = outside;
    return made;
  }
  auto fetched = is_tagged_name(node.pattern) ? fetch_tagged_name(node.pattern, context)
                                              : context.source->fetch(node.pattern, context.window);
  if (!fetched) return fetched.error();
  adopt_fetched(*fetched, node.pattern, context);
  return fetched;
}

}  // namespace

// What the arguments held is gone when their call has made something of them.
Result<SeriesList> evaluate_node(ExpressionNode const& node, EvaluationContext& context) {
  QueryBudget* const budget = context.window.budget;
  if (budget == nullptr) return evaluate_unaccounted(node, context);
  if (auto const still = budget->go_on(); !still) return still.error();
  auto const before = budget->held();
  auto made = evaluate_unaccounted(node, context);
  if (!made) return made;
  budget->set_held(before);
  std::size_t bytes = 0;
  for (auto const& one : *made) bytes += bytes_of(one);
  if (auto const room = budget->room_for(bytes); !room) return room.error();
  budget->set_held(before + bytes);
  return made;
}

Result<SeriesList> evaluate(Expression const& expression, Window const& window,
                            SeriesSource const& source, EvaluationOptions const& options) {
  RequestState own;
  EvaluationContext context{window,
                            &source,
                            options.x_files_factor,
                            options.zone,
                            expression.target(),
                            options.request == nullptr ? &own : options.request};
  auto series = evaluate_node(expression.root(), context);
  if (!series) return series.error();
  if (!options.with_values_behind_end)
    for (auto& one : *series) cut_behind_end(one);
  std::erase_if(*series, [](Series const& one) { return one.values.empty(); });
  return series;
}

Result<SeriesList> evaluate(std::string_view target, Window const& window,
                            SeriesSource const& source) {
  auto const expression = parse_target(target, {}, standard_functions(), window.budget);
  if (!expression) return expression.error();
  return evaluate(*expression, window, source);
}

}  // namespace dadvisor::graphite
