// Group Special: what is not about values.

#include <algorithm>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

Result<SeriesList> constant_line_function(Call& call) {
  return SeriesList{constant_line(call, *call.real("value"))};
}

SeriesList consolidate_series(SeriesList series, std::string const& function) {
  for (auto& one : series) {
    one.consolidation = *find_consolidation(function);
    one.tags["consolidateBy"] = function;
    rename_expression(one, "consolidateBy(" + one.name + ",\"" + function + "\")");
  }
  return series;
}
Result<SeriesList> consolidate_by(Call& call) {
  return consolidate_series(call.take_series("seriesList"), call.text("consolidationFunc"));
}
Result<SeriesList> cumulative(Call& call) {
  return consolidate_series(call.take_series("seriesList"), "sum");
}

// Counts for the calls around it as well, as in graphite-web.
Result<SeriesList> set_x_files_factor(Call& call) {
  auto series = call.take_series("seriesList");
  double const factor = *call.real("xFilesFactor");
  call.set_x_files_factor(factor);
  for (auto& one : series) {
    one.x_files_factor = factor;
    one.tags["xFilesFactor"] = repr(factor);
  }
  return series;
}

// Only an empty list falls back: series without a value are series.
Result<SeriesList> fallback_series(Call& call) {
  auto series = call.take_series("seriesList");
  return series.empty() ? call.take_series("fallback") : series;
}

Result<SeriesList> series_by_tag(Call& call) {
  std::vector<std::string> expressions;
  for (auto const& one : call.values("tagExpressions")) expressions.push_back(to_text(one));
  auto fetched = call.context().source->fetch_tagged(expressions, call.window());
  if (!fetched) return fetched.error();
  adopt_fetched(*fetched, call.pattern(), call.context());
  return fetched;
}

// How many events there were in each second of the window; "*" is every event. In a window of
// many seconds, more of them share a point, whose sums are the same.
Result<SeriesList> events(Call& call) {
  constexpr std::int64_t max_points = std::int64_t{1} << 22;  // 48 days of seconds
  std::vector<std::string> tags;
  std::string shown;
  for (auto const& one : call.values("tags")) {
    tags.push_back(to_text(one));
    shown += (shown.empty() ? "" : "\", \"") + tags.back();
  }
  if (tags == std::vector<std::string>{"*"}) tags.clear();
  auto const& window = call.window();
  auto const found = call.context().source->events(tags, window);
  if (!found) return found.error();
  auto const seconds = std::max<std::int64_t>(window.until - window.from, 0);
  auto const step = seconds / max_points + 1;
  auto const points = static_cast<std::size_t>((seconds + step - 1) / step);
  if (auto const charged = charge(window.budget, 1, points); !charged) return charged.error();
  std::vector<double> values(points, absent);
  for (auto const& event : *found) {
    if (event.when < window.from || event.when >= window.until) continue;
    auto& value = values[static_cast<std::size_t>((event.when - window.from) / step)];
    value = is_absent(value) ? 1 : value + 1;
  }
  auto out = made_series("events(\"" + shown + "\")", window.from, window.until, step,
                         std::move(values), call.x_files_factor());
  out.consolidation = Consolidation::sum;
  out.whole = true;
  return SeriesList{std::move(out)};
}

}  // namespace

std::vector<Function> special_functions() {
  auto function = required("consolidationFunc", text);
  for (char const* one : {"average", "avg", "avg_zero", "first", "last", "max", "min", "sum"}) {
    function.options.emplace_back(std::string(one));
  }
  auto tags = required("tags", text);
  tags.multiple = true;
  auto expressions = required("tagExpressions", text);
  expressions.multiple = true;
  Function const factor{
      .name = "setXFilesFactor",
      .group = "Special",
      .description = "Which fraction of values must be known where several become one.",
      .parameters = {one_list(), required("xFilesFactor", real)},
      .implementation = set_x_files_factor};
  return {
      {.name = "constantLine",
       .group = "Special",
       .description = "A level line at the given value.",
       .parameters = {required("value", real)},
       .implementation = constant_line_function},
      {.name = "consolidateBy",
       .group = "Special",
       .description = "How several points become one where a graph has less room than points.",
       .parameters = {one_list(), function},
       .implementation = consolidate_by},
      {.name = "cumulative",
       .group = "Special",
       .description = "The same as consolidateBy with sum.",
       .parameters = {one_list()},
       .implementation = cumulative},
      factor,
      also_called(factor, "xFilesFactor"),
      {.name = "events",
       .group = "Special",
       .description = "How many events with all of the tags there were in each second; '*' is "
                      "every event.",
       .parameters = {tags},
       .implementation = events},
      {.name = "seriesByTag",
       .group = "Special",
       .description = "Series by their tags: 'tag=value', 'tag!=value', 'tag=~regex' and "
                      "'tag!=~regex', all of which must hold.",
       .parameters = {expressions},
       .implementation = series_by_tag,
       .reads_tags = true},
      {.name = "fallbackSeries",
       .group = "Special",
       .description = "The second list where the first matches nothing.",
       .parameters = {one_list(), required("fallback", ParameterType::series_list)},
       .implementation = fallback_series},
  };
}

}  // namespace dadvisor::graphite::functions
