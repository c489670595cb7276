// Group Graph: how pictures show series. Answers without pictures see only the names and tags.
// A series keeps its drawing through other functions; in graphite-web some of them lose it.

#include <algorithm>
#include <utility>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

template <typename Change>
Result<SeriesList> draw(Call& call, Change change) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) change(one);
  return series;
}

Result<SeriesList> alpha(Call& call) {
  return draw(call, [&](Series& one) { one.drawing.alpha = call.real("alpha"); });
}

Result<SeriesList> color(Call& call) {
  return draw(call, [&](Series& one) { one.drawing.color = call.text("theColor"); });
}

Result<SeriesList> line_width(Call& call) {
  return draw(call, [&](Series& one) { one.drawing.line_width = call.real("width"); });
}

// The names change, what they were made of does not: a sum over these is called as without.
Result<SeriesList> dashed(Call& call) {
  auto const length = *call.integer("dashLength");
  return draw(call, [length](Series& one) {
    auto const pixels = static_cast<double>(length);
    one.drawing.dashes = {pixels, pixels};
    one.tags["dashed"] = std::to_string(length);
    one.name = "dashed(" + one.name + ", " + general(pixels) + ")";
  });
}

Result<SeriesList> draw_as_infinite(Call& call) {
  return draw(call, [](Series& one) {
    one.drawing.infinite = true;
    one.tags["drawAsInfinite"] = "1";
    one.name = "drawAsInfinite(" + one.name + ")";
  });
}

Result<SeriesList> second_y_axis(Call& call) {
  return draw(call, [](Series& one) {
    one.drawing.second_y_axis = true;
    one.tags["secondYAxis"] = "1";
    one.name = "secondYAxis(" + one.name + ")";
  });
}

// Puts the values on top of what the request has stacked so far, in the answer too.
Result<SeriesList> stacked(Call& call) {
  constexpr char const* unnamed = "__DEFAULT__";
  auto const given = call.text("stack");
  auto const name = given.empty() ? unnamed : given;
  auto& [height, whole] = call.context().request->stacks[name];
  return draw(call, [&, &height = height, &whole = whole](Series& one) {
    one.whole = whole = whole && one.whole;
    height.resize(std::max(height.size(), one.values.size()), 0);
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      if (!is_absent(one.values[i])) one.values[i] = height[i] += one.values[i];
    }
    one.drawing.stack = name;
    if (name == unnamed) {
      one.tags["stacked"] = name;
      rename_call(one, "stacked");
    } else {
      rename_expression(one, one.name);
    }
  });
}

// The area from the first series up to the second.
Result<SeriesList> area_between(Call& call) {
  auto series = call.take_series("seriesList");
  if (series.size() != 2) {
    return call.error("needs exactly 2 series, got " + std::to_string(series.size()));
  }
  auto& lower = series[0];
  auto& upper = series[1];
  upper.tags["areaBetween"] = "1";
  lower.tags = upper.tags;
  lower.name = upper.name = "areaBetween(" + upper.path_expression + ")";
  lower.drawing.invisible = true;
  lower.drawing.stack = upper.drawing.stack = upper.name;
  return series;
}

Result<SeriesList> threshold(Call& call) {
  auto line = constant_line(call, *call.real("value"));
  if (auto const label = call.text("label"); !label.empty()) line.name = label;
  line.drawing.color = call.text("color");
  return SeriesList{std::move(line)};
}

// One point, which pictures draw as a line over the whole height. Without a label it has no name;
// graphite-web's is null then.
Result<SeriesList> vertical_line(Call& call) {
  auto const& window = call.window();
  auto const time = parse_time(call.text("ts"), window.now, call.context().zone);
  if (!time) return call.error(time.error().context);
  if (*time < window.from) return call.error(std::to_string(*time) + " is before the window");
  if (*time > window.until) return call.error(std::to_string(*time) + " is behind the window");
  auto line = made_series(call.text("label"), *time, *time, 1, {1, 1}, call.x_files_factor());
  line.drawing.infinite = true;
  line.drawing.color = call.text("color");
  return SeriesList{std::move(line)};
}

}  // namespace

std::vector<Function> graph_functions() {
  return {
      of_one_list("Graph", "alpha", "How opaque the series are drawn, 0 to 1.", alpha,
                  {required("alpha", real)}),
      of_one_list("Graph", "areaBetween", "Fills the area between exactly two series.",
                  area_between),
      of_one_list("Graph", "color", "The colour to draw with: a name or RRGGBB.", color,
                  {required("theColor", text)}),
      of_one_list("Graph", "dashed", "Draws dashes of the given length.", dashed,
                  {optional("dashLength", integer, std::int64_t{5})}),
      of_one_list("Graph", "drawAsInfinite",
                  "Draws a vertical line at each value that is not zero.", draw_as_infinite),
      of_one_list("Graph", "lineWidth", "How many pixels wide the line is.", line_width,
                  {required("width", real)}),
      of_one_list("Graph", "secondYAxis", "Measures the series by an axis of its own on the right.",
                  second_y_axis),
      of_one_list("Graph", "stacked", "Puts each series on top of those stacked before, by stack.",
                  stacked, {optional("stack", text)}),
      {.name = "threshold",
       .group = "Graph",
       .description = "A level line with a label and a colour.",
       .parameters = {required("value", real), optional("label", text), optional("color", text)},
       .implementation = threshold},
      {.name = "verticalLine",
       .group = "Graph",
       .description = "A vertical line at a time within the window, with a label and a colour.",
       .parameters = {required("ts", date), optional("label", text), optional("color", text)},
       .implementation = vertical_line},
  };
}

}  // namespace dadvisor::graphite::functions
