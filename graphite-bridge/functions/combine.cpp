// Group Combine: many series into one.

#include "graphite-bridge/functions/combine.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/fixed_text.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/functions/power.hpp"
#include "graphite-bridge/whole_numbers.hpp"

namespace dadvisor::graphite::functions {

SeriesList combine(SeriesList const& series, std::string_view function, double x_files_factor) {
  if (series.empty()) return {};
  auto const name = short_aggregation_name(function);
  auto const aggregation = *find_aggregation(name);
  auto const rows = normalize(series);
  auto out = made_series(std::string(name) + "Series(" + joined_path_expressions(series) + ")",
                         rows.start, rows.end, rows.step,
                         aggregate_rows(rows, aggregation, x_files_factor), x_files_factor);
  out.whole = makes_whole_rows(rows, aggregation);
  auto tags = series.front().tags;
  for (auto const& one : series) {
    std::erase_if(tags, [&](auto const& tag) {
      auto const other = one.tags.find(tag.first);
      return other == one.tags.end() || other->second != tag.second;
    });
  }
  tags.try_emplace("name", out.name);
  tags["aggregatedBy"] = name;
  out.tags = std::move(tags);
  return {std::move(out)};
}

namespace {

using enum ParameterType;

// Of series of one step, over all that any of them spans.
MatchedSeries::Shape joined_shape(MatchedSeries const& matched, std::size_t& rows, bool& one_step) {
  auto joined = matched.shape(0);
  for (std::size_t place = 0; place < matched.size(); ++place) {
    auto const shape = matched.shape(place);
    one_step = one_step && shape.step == joined.step;
    joined.start = std::min(joined.start, shape.start);
    joined.end = std::max(joined.end, shape.end);
    rows = std::max(rows, shape.values());
  }
  joined.end -= (joined.end - joined.start) % joined.step;
  return joined;
}

// combine() that keeps no series: two or more have no tag in common.
Result<SeriesList> combine_matched(Call& call, MatchedSeries const& matched,
                                   std::string_view function, double x_files_factor) {
  auto const name = short_aggregation_name(function);
  auto const aggregation = *find_aggregation(name);
  if (matched.size() >= 2 && ColumnFold::can(aggregation)) {
    std::size_t rows = 0;
    bool one_step = true;
    auto const shape = joined_shape(matched, rows, one_step);
    if (one_step) {
      ColumnFold fold(aggregation, rows);
      auto const visited =
          matched.each([&](std::size_t, std::span<double const> values) { fold.add(values); });
      if (!visited) return visited.error();
      auto out = made_series(std::string(name) + "Series(" + call.path() + ")", shape.start,
                             shape.end, shape.step, fold.finish(x_files_factor), x_files_factor);
      out.tags["aggregatedBy"] = name;
      return SeriesList{std::move(out)};
    }
  }
  auto const all = call.read_all(matched);
  if (!all) return all.error();
  return combine(*all, function, x_files_factor);
}

template <FixedText function>
Result<SeriesList> combine_all(Call& call) {
  return combine(call.take_series("seriesLists"), function, call.x_files_factor());
}

template <FixedText function>
Result<SeriesList> combine_unread(Call& call, MatchedSeries const& matched) {
  return combine_matched(call, matched, function, call.x_files_factor());
}

double factor_of_aggregate(Call const& call) {
  return call.real("xFilesFactor").value_or(call.x_files_factor());
}

Result<SeriesList> aggregate_function(Call& call) {
  return combine(call.take_series("seriesList"), call.text("func"), factor_of_aggregate(call));
}

Result<SeriesList> aggregate_unread(Call& call, MatchedSeries const& matched) {
  return combine_matched(call, matched, call.text("func"), factor_of_aggregate(call));
}

Result<SeriesList> multiply(Call& call) {
  bool const one_list = call.values("seriesLists").size() == 1;
  auto series = call.take_series("seriesLists");
  if (one_list && series.size() == 1) return series;  // as it came, name and all
  return combine(series, "multiply", call.x_files_factor());
}

Result<SeriesList> count(Call& call) {
  auto const series = call.take_series("seriesLists");
  if (!call.is_given("seriesLists")) {
    auto none = constant_line(call, 0, true);
    none.path_expression = "countSeries()";
    return SeriesList{std::move(none)};
  }
  if (series.empty()) return SeriesList{};
  auto const rows = normalize(series);
  std::vector<double> values(rows.rows, static_cast<double>(series.size()));
  auto out = made_series("countSeries(" + joined_path_expressions(series) + ")", rows.start,
                         rows.end, rows.step, std::move(values), call.x_files_factor());
  out.whole = true;
  return SeriesList{std::move(out)};
}

// The first to the power of the second, that to the power of the third, and so on. Its name has the
// names of all, not what matched them.
Result<SeriesList> raise_series(Call& call) {
  auto const series = call.take_series("seriesList");
  if (series.empty()) return SeriesList{};
  auto const rows = normalize(series);
  std::vector<double> values(rows.rows);
  for (std::size_t row = 0; row < rows.rows; ++row) {
    double result = rows.at(0, row);
    for (std::size_t column = 1; column < series.size(); ++column) {
      double const exponent = rows.at(column, row);
      bool const known = !is_absent(result) && !is_absent(exponent);
      result = known ? power(result, exponent) : absent;
    }
    values[row] = result;
  }
  std::string names;
  for (auto const& one : series) names += (names.empty() ? "" : ",") + one.name;
  auto out = made_series("powSeries(" + names + ")", rows.start, rows.end, rows.step,
                         std::move(values), call.x_files_factor());
  out.whole = rows.whole && series.size() == 1;
  return SeriesList{std::move(out)};
}

Result<SeriesList> group(Call& call) { return call.take_series("seriesLists"); }

Function combiner(std::string name, std::string description,
                  Result<SeriesList> (*implementation)(Call&),
                  Result<SeriesList> (*over_matched)(Call&, MatchedSeries const&) = nullptr) {
  return {.name = std::move(name),
          .group = "Combine",
          .description = std::move(description),
          .parameters = {many_lists()},
          .implementation = implementation,
          .aggregator = true,
          .over_matched = over_matched};
}

std::vector<Function> combiners() {
  auto const sum = combiner("sumSeries",
                            "The sum of all series at each point; absent values are "
                            "left out.",
                            combine_all<"sum">, combine_unread<"sum">);
  auto const average = combiner("averageSeries",
                                "The average of all series that have a value, at "
                                "each point.",
                                combine_all<"average">, combine_unread<"average">);
  auto counting = combiner("countSeries", "How many series there are.", count);
  counting.parameters.front().required = false;
  auto raising = combiner("powSeries",
                          "The first series to the power of the second, and so on; absent where "
                          "one is.",
                          raise_series);
  raising.parameters.front().name = "seriesList";
  return {
      sum,
      also_called(sum, "sum"),
      average,
      also_called(average, "avg"),
      combiner("maxSeries", "The greatest value of all series at each point.", combine_all<"max">,
               combine_unread<"max">),
      combiner("minSeries", "The least value of all series at each point.", combine_all<"min">,
               combine_unread<"min">),
      combiner("diffSeries", "The first series minus all others at each point.",
               combine_all<"diff">),
      combiner("rangeOfSeries", "The distance of the greatest from the least value at each point.",
               combine_all<"rangeOf">),
      combiner("stddevSeries", "The standard deviation over all series at each point.",
               combine_all<"stddev">),
      combiner("multiplySeries", "The product of all series, absent where one is.", multiply),
      counting,
      raising,
  };
}

}  // namespace

std::vector<Function> combine_functions() {
  auto out = combiners();
  auto lists = many_lists();
  lists.required = false;
  out.insert(
      out.end(),
      {{.name = "aggregate",
        .group = "Combine",
        .description = "All series into one by the named aggregation.",
        .parameters = {one_list(), required("func", aggregation), optional("xFilesFactor", real)},
        .implementation = aggregate_function,
        .over_matched = aggregate_unread},
       {.name = "group",
        .group = "Combine",
        .description = "Several series lists as one.",
        .parameters = {lists},
        .implementation = group}});
  return out;
}

}  // namespace dadvisor::graphite::functions
