// Group Calculate: functions that look at neighbouring values or at a whole series.

#include <algorithm>
#include <span>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/fixed_text.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// A hundred years of lead-in are asked for by mistake only.
constexpr std::int64_t max_lead_in = 100LL * 365 * 86400;

std::string capitalized(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    char& c = out[i];
    if (i == 0 && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (i > 0 && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// Value i of the result is made of the `width` values before value i + width of the series.
std::vector<double> moving(std::vector<double> const& values, std::size_t width,
                           Aggregation aggregation, double x_files_factor) {
  std::vector<double> out;
  std::vector<double> known;
  for (std::size_t at = width; at < values.size(); ++at) {
    known.clear();
    for (std::size_t i = at - width; i < at; ++i) {
      if (!is_absent(values[i])) known.push_back(values[i]);
    }
    bool const enough = enough_known(known.size(), width, x_files_factor);
    out.push_back(enough ? aggregate(aggregation, known) : absent);
  }
  return out;
}

// Reads its argument again from a window's width earlier on, so that the first point has a full
// window too. The window ends before the point that it belongs to.
Result<SeriesList> moving_window(Call& call, std::string_view function) {
  auto const original = call.take_series("seriesList");
  if (original.empty()) return SeriesList{};
  auto const size = call.value("windowSize");
  auto const* points = std::get_if<std::int64_t>(&size);
  std::int64_t lead_in = 0;
  if (points != nullptr) {
    std::int64_t step = 1;
    for (auto const& one : original) step = std::max(step, one.step);
    if (*points > max_lead_in / step) return call.error("the window is too wide");
    lead_in = *points * step;
  } else {
    auto const seconds = parse_time_offset(to_text(size));
    if (!seconds) return call.error(seconds.error().context);
    lead_in = *seconds < 0 ? -*seconds : *seconds;
    if (lead_in > max_lead_in) return call.error("the window is too wide");
  }
  auto const aggregation = find_aggregation(function);
  if (!aggregation) return call.error("unknown aggregation " + std::string(function));
  Window earlier = call.window();
  earlier.from -= lead_in;
  auto series = call.evaluate_again("seriesList", earlier);
  if (!series) return series.error();
  auto const name = "moving" + capitalized(function);
  for (auto& one : *series) {
    std::int64_t const width = points != nullptr ? *points : lead_in / one.step;
    one.values = moving(one.values, static_cast<std::size_t>(width), *aggregation,
                        call.real("xFilesFactor").value_or(one.x_files_factor));
    one.start += lead_in;
    one.tags[name] = to_text(size);
    auto const shown = points != nullptr ? to_text(size) : '"' + to_text(size) + '"';
    rename_expression(one, name + "(" + one.name + "," + shown + ")");
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
  auto const& window = call.window();
  SeriesList out;
  for (auto& one : series) {
    double const value = aggregate(*aggregation, one.values);
    auto name = "aggregateLine(" + one.name + ", " +
                (is_absent(value) ? std::string("None") : general(value)) + ")";
    if (call.flag("keepStep")) {
      std::fill(one.values.begin(), one.values.end(), value);
      rename_expression(one, std::move(name));
      out.push_back(std::move(one));
      continue;
    }
    auto const step = std::max<std::int64_t>((window.until - window.from) / 2, 1);
    auto line = made_series(is_absent(value) ? "None" : repr(value), window.from, window.until,
                            step, {value, value, value}, call.x_files_factor());
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
  return {
      mover("movingAverage", "The average", moving_by<"average">),
      mover("movingMax", "The greatest value", moving_by<"max">),
      mover("movingMedian", "The median", moving_by<"median">),
      mover("movingMin", "The least value", moving_by<"min">),
      mover("movingSum", "The sum", moving_by<"sum">),
      by_argument,
      {.name = "aggregateLine",
       .group = "Calculate",
       .description = "A level line at the named aggregation of each series.",
       .parameters = {one_list(), optional("func", aggregation, std::string("average")),
                      optional("keepStep", boolean, false)},
       .implementation = aggregate_line},
  };
}

}  // namespace dadvisor::graphite::functions
