#include "graphite-bridge/evaluate.hpp"

#include <algorithm>
#include <utility>

namespace dadvisor::graphite {
namespace {

// Graphite zips values with the time stamps start, start + step, ... up to and including end:
// what some functions leave over behind that never shows.
void cut_behind_end(Series& series) {
  auto const span = std::max<std::int64_t>(series.end - series.start, 0);
  auto const room = static_cast<std::size_t>(span / series.step) + 1;
  if (series.values.size() > room) series.values.resize(room);
}

}  // namespace

void adopt_fetched(SeriesList& series, std::string_view pattern, EvaluationContext const& context) {
  for (auto& one : series) {
    one.path_expression = pattern;
    one.x_files_factor = context.x_files_factor;
    one.tags.try_emplace("name", one.name);
  }
}

Result<SeriesList> evaluate_node(ExpressionNode const& node, EvaluationContext& context) {
  if (node.function != nullptr) {
    auto call = Call::prepare(node, context);
    if (!call) return call.error();
    return node.function->implementation(*call);
  }
  auto fetched = context.source->fetch(node.pattern, context.window);
  if (!fetched) return fetched.error();
  adopt_fetched(*fetched, node.pattern, context);
  return fetched;
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
  for (auto& one : *series) cut_behind_end(one);
  std::erase_if(*series, [](Series const& one) { return one.values.empty(); });
  return series;
}

Result<SeriesList> evaluate(std::string_view target, Window const& window,
                            SeriesSource const& source) {
  auto const expression = parse_target(target);
  if (!expression) return expression.error();
  return evaluate(*expression, window, source);
}

}  // namespace dadvisor::graphite
