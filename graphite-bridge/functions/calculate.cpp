// Group Calculate: functions that look at neighbouring values or at a whole series.

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/fixed_text.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/lead_in.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/functions/sliding.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/time_spec.hpp"
#include "graphite-bridge/whole_numbers.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

std::string capitalized(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    char& c = out[i];
    if (i == 0 && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (i > 0 && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// What a window of so many points, or so much time, covers.
struct MovingWindow {
  std::optional<std::int64_t> points;  // none: an interval
  std::int64_t seconds = 0;            // that it reaches back, by the coarsest step
  std::string shown;                   // as the names show it
  std::string text;                    // as the tags do

  std::size_t width(Series const& series) const {
    return static_cast<std::size_t>(points.value_or(seconds / series.step));
  }
};

Result<MovingWindow> moving_window_of(Call const& call, SeriesList const& series) {
  MovingWindow out;
  auto const size = call.value("windowSize");
  out.text = to_text(size);
  if (auto const* points = std::get_if<std::int64_t>(&size)) {
    std::int64_t step = 1;
    for (auto const& one : series) step = std::max(step, one.step);
    if (*points > max_lead_in / step) return call.error("the window is too wide");
    out.points = *points;
    out.seconds = *points * step;
    out.shown = out.text;
  } else {
    auto const seconds = parse_time_offset(out.text);
    if (!seconds) return call.error(seconds.error().context);
    out.seconds = std::abs(*seconds);
    if (out.seconds > max_lead_in) return call.error("the window is too wide");
    out.shown = '"' + out.text + '"';
  }
  return out;
}

// The first argument again, from a window's width earlier on, so that the first point has a full
// window too.
Result<SeriesList> with_lead_in(Call const& call, MovingWindow const& window) {
  auto earlier = call.window();
  earlier.from -= window.seconds;
  return call.evaluate_again("seriesList", earlier);
}

// The window ends before the point that it belongs to.
Result<SeriesList> moving_window(Call& call, std::string_view function) {
  auto const original = call.take_series("seriesList");
  if (original.empty()) return SeriesList{};
  auto const window = moving_window_of(call, original);
  if (!window) return window.error();
  auto const aggregation = find_aggregation(function);
  if (!aggregation) return call.error("unknown aggregation " + std::string(function));
  auto series = with_lead_in(call, *window);
  if (!series) return series.error();
  auto const name = "moving" + capitalized(function);
  for (auto& one : *series) {
    if (auto const still = call.go_on(); !still) return still.error();
    // As many are known in each window only where all are.
    bool const all_known = one.whole && std::ranges::none_of(one.values, is_absent);
    one.whole = makes_whole(*aggregation, one.whole, all_known ? window->width(one) : 0);
    one.values = aggregate_windows(one.values, window->width(one), *aggregation,
                                   call.real("xFilesFactor").value_or(one.x_files_factor),
                                   call.window().budget);
    one.start += window->seconds;
    one.tags[name] = window->text;
    rename_call(one, name, "," + window->shown);
  }
  return series;
}

// Begins with the average of the first window; a point's own value counts, unlike above.
Result<SeriesList> exponential_moving_average(Call& call) {
  auto const original = call.take_series("seriesList");
  if (original.empty()) return SeriesList{};
  auto const window = moving_window_of(call, original);
  if (!window) return window.error();
  auto series = with_lead_in(call, *window);
  if (!series) return series.error();
  double const weight = 2.0 / (static_cast<double>(window->points.value_or(window->seconds)) + 1);
  for (auto& one : *series) {
    if (auto const still = call.go_on(); !still) return still.error();
    auto& values = one.values;
    auto const width = std::min(window->width(one), values.size());
    double average = aggregate(Aggregation::average, std::span(values).first(width));
    if (is_absent(average)) average = 0;
    one.whole = average == 0;  // as the int that it begins with then, where no other value is
    std::vector<double> out{round_to(average, 6)};
    out.reserve(values.size() - width + 1);
    for (auto i = width; i < values.size() && work(call.window().budget, 2); ++i) {
      one.whole = one.whole && is_absent(values[i]);
      if (!is_absent(values[i])) average = weight * values[i] + (1 - weight) * average;
      out.push_back(is_absent(values[i]) ? absent : round_to(average, 6));
    }
    values = std::move(out);
    one.start += window->seconds;
    one.tags["exponentialMovingAverage"] = window->text;
    rename_call(one, "exponentialMovingAverage", "," + window->shown);
  }
  return series;
}

template <FixedText function>
Result<SeriesList> moving_by(Call& call) {
  return moving_window(call, function);
}

Result<SeriesList> moving_by_argument(Call& call) { return moving_window(call, call.text("func")); }

Result<SeriesList> aggregate_line(Call& call) {
  auto series = call.take_series("seriesList");
  auto const aggregation = find_aggregation(call.text("func"));
  SeriesList out;
  for (auto& one : series) {
    double const value = aggregate(*aggregation, one.values);
    bool const whole = makes_whole(*aggregation, one);
    auto name = "aggregateLine(" + one.name + ", " +
                (is_absent(value) ? std::string("None") : general(value)) + ")";
    if (call.flag("keepStep")) {
      std::fill(one.values.begin(), one.values.end(), value);
      one.whole = whole;
      rename_expression(one, std::move(name));
      out.push_back(std::move(one));
      continue;
    }
    auto line = constant_line(call, value, whole);
    if (is_absent(value)) line.tags["name"] = "None";
    rename_expression(line, std::move(name));
    out.push_back(std::move(line));
  }
  return out;
}

Function mover(std::string name, std::string description,
               Result<SeriesList> (*implementation)(Call&)) {
  auto window = required("windowSize", integer_or_interval);
  for (std::int64_t const points : {5, 7, 10}) window.suggestions.emplace_back(points);
  for (char const* interval : {"1min", "5min", "10min", "30min", "1hour"}) {
    window.suggestions.emplace_back(std::string(interval));
  }
  return {.name = std::move(name),
          .group = "Calculate",
          .description =
              std::move(description) + " over the points, or the time, right before each point.",
          .parameters = {one_list(), window, optional("xFilesFactor", real)},
          .implementation = implementation};
}

}  // namespace

std::vector<Function> calculate_functions() {
  auto by_argument = mover("movingWindow", "The named aggregation", moving_by_argument);
  by_argument.parameters.insert(by_argument.parameters.begin() + 2,
                                optional("func", aggregation, std::string("average")));
  auto exponential =
      mover("exponentialMovingAverage", "An average in which older values count less and less",
            exponential_moving_average);
  exponential.parameters.pop_back();
  return {
      mover("movingAverage", "The average", moving_by<"average">),
      mover("movingMax", "The greatest value", moving_by<"max">),
      mover("movingMedian", "The median", moving_by<"median">),
      mover("movingMin", "The least value", moving_by<"min">),
      mover("movingSum", "The sum", moving_by<"sum">),
      by_argument,
      exponential,
      {.name = "aggregateLine",
       .group = "Calculate",
       .description = "A level line at the named aggregation of each series.",
       .parameters = {one_list(), optional("func", aggregation, std::string("average")),
                      optional("keepStep", boolean, false)},
       .implementation = aggregate_line},
  };
}

}  // namespace dadvisor::graphite::functions
