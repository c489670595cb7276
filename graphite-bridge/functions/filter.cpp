// Groups Filter Series, as far as it asks for values, and Filter Data. highest() and its like,
// which sort first, are in sorting.cpp.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/functions/sorting.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// "<" and "<=" hold for what is absent, "!=" too.
bool holds(double value, std::string_view comparison, double bound) {
  bool const none = is_absent(value);
  if (comparison == "=") return !none && value == bound;
  if (comparison == "!=") return none || value != bound;
  if (comparison == ">") return !none && value > bound;
  if (comparison == ">=") return !none && value >= bound;
  if (comparison == "<") return none || value < bound;
  return none || value <= bound;
}

SeriesList keep_where(SeriesList series, Aggregation aggregation, std::string_view comparison,
                      double bound) {
  std::erase_if(series, [&](Series const& one) {
    return !holds(aggregate(aggregation, one.values), comparison, bound);
  });
  return series;
}

Result<SeriesList> filter_series(Call& call) {
  return keep_where(call.take_series("seriesList"), *find_aggregation(call.text("func")),
                    call.text("operator"), *call.real("threshold"));
}

template <Aggregation aggregation, bool above>
Result<SeriesList> keep(Call& call) {
  return keep_where(call.take_series("seriesList"), aggregation,
                    above ? ">" : "<=", *call.real("n"));
}

template <bool above>
Result<SeriesList> remove_values(Call& call) {
  auto series = call.take_series("seriesList");
  double const n = *call.real("n");
  for (auto& one : series) {
    rename_call(one, above ? "removeAboveValue" : "removeBelowValue", ", " + general(n));
    for (auto& value : one.values) {
      if (above ? value > n : value < n) value = absent;
    }
  }
  return series;
}

// How far the values lie from their mean. Where their squares are too large for a double, by which
// graphite-web fails, in a unit in which they are not.
double deviation_of(std::span<double const> values) {
  constexpr double large = 1e150;
  double greatest = 0;
  for (double const value : values)
    if (std::isfinite(value)) greatest = std::max(greatest, std::fabs(value));
  if (greatest < large) return aggregate(Aggregation::stddev, values);
  double const unit = std::ldexp(1.0, std::ilogb(greatest));  // division by it rounds nothing
  std::vector<double> scaled;
  scaled.reserve(values.size());
  for (double const value : values) scaled.push_back(value / unit);
  return aggregate(Aggregation::stddev, scaled) * unit;
}

// Those whose values lie farthest from their mean, farthest first; none without a value.
Result<SeriesList> most_deviant(Call& call) {
  auto series = call.take_series("seriesList");
  std::erase_if(series, [](Series const& one) {
    return std::all_of(one.values.begin(), one.values.end(), is_absent);
  });
  std::vector<double> deviations;
  deviations.reserve(series.size());
  for (auto const& one : series) deviations.push_back(deviation_of(one.values));
  sort_by_values(series, deviations, true);
  keep_first(series, *call.integer("n"));
  return series;
}

Result<SeriesList> unique(Call& call) {
  auto series = call.take_series("seriesLists");
  std::set<std::string> seen;
  std::erase_if(series, [&seen](Series const& one) { return !seen.insert(one.name).second; });
  return series;
}

// For each series that rises above the value, the one of the name that the replacement makes.
Result<SeriesList> use_series_above(Call& call) {
  auto const series = call.take_series("seriesList");
  double const bound = *call.real("value");
  auto const search = Regex::compile(call.text("search"));
  if (!search) return call.error(search.error().context);
  SeriesList out;
  for (auto const& one : series) {
    auto const name = search->replace(one.name, call.text("replace"));
    if (!name) return call.error(name.error().context);
    double const greatest = aggregate(Aggregation::max, one.values);
    if (is_absent(greatest) || greatest <= bound) continue;
    auto used = call.evaluate_text(*name);
    if (!used) return used.error();
    std::move(used->begin(), used->end(), std::back_inserter(out));
  }
  std::erase_if(out, [](Series const& one) { return one.values.empty(); });
  return out;
}

Function filter(std::string name, std::string description, std::vector<Parameter> more,
                Result<SeriesList> (*implementation)(Call&)) {
  Function out{.name = std::move(name),
               .group = "Filter Series",
               .description = std::move(description),
               .parameters = {one_list()},
               .implementation = implementation};
  out.parameters.insert(out.parameters.end(), more.begin(), more.end());
  return out;
}

Function data_filter(std::string name, std::string description,
                     Result<SeriesList> (*implementation)(Call&)) {
  auto out = filter(std::move(name), std::move(description), {required("n", real)}, implementation);
  out.group = "Filter Data";
  return out;
}

}  // namespace

std::vector<Function> filter_functions() {
  auto const n = required("n", real);
  auto comparison = required("operator", text);
  for (char const* one : {"!=", "<", "<=", "=", ">", ">="}) {
    comparison.options.emplace_back(std::string(one));
  }
  return {
      filter("filterSeries", "Keeps series whose named aggregation compares so with the threshold.",
             {required("func", aggregation), comparison, required("threshold", real)},
             filter_series),
      filter("averageAbove", "Keeps series with an average above n.", {n},
             keep<Aggregation::average, true>),
      filter("averageBelow", "Keeps series with an average of at most n.", {n},
             keep<Aggregation::average, false>),
      filter("currentAbove", "Keeps series whose last known value is above n.", {n},
             keep<Aggregation::last, true>),
      filter("currentBelow", "Keeps series whose last known value is at most n.", {n},
             keep<Aggregation::last, false>),
      filter("maximumAbove", "Keeps series with a value above n.", {n},
             keep<Aggregation::max, true>),
      filter("maximumBelow", "Keeps series without a value above n.", {n},
             keep<Aggregation::max, false>),
      filter("minimumAbove", "Keeps series whose least value is above n.", {n},
             keep<Aggregation::min, true>),
      filter("minimumBelow", "Keeps series whose least value is at most n.", {n},
             keep<Aggregation::min, false>),
      filter("mostDeviant", "The n series whose values lie farthest from their mean.",
             {required("n", integer)}, most_deviant),
      {.name = "unique",
       .group = "Filter Series",
       .description = "Leaves out series whose name was there before.",
       .parameters = {many_lists()},
       .implementation = unique},
      filter("useSeriesAbove",
             "For each series with a value above the given one, the series whose name the "
             "replacement makes of its name.",
             {required("value", real), required("search", text), required("replace", text)},
             use_series_above),
      data_filter("removeAboveValue", "Leaves out values above n.", remove_values<true>),
      data_filter("removeBelowValue", "Leaves out values below n.", remove_values<false>),
  };
}

}  // namespace dadvisor::graphite::functions
