// Of group Combine, the functions that pair series: divideSeries by one, divideSeriesLists by one
// each, and the aggregations of pairs.

#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/combine.hpp"
#include "graphite-bridge/functions/fixed_text.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

Series quotient(Series const& dividend, Series const& divisor, double x_files_factor) {
  auto const rows = normalize(std::vector<Series const*>{&dividend, &divisor});
  std::vector<double> values(rows.rows);
  for (std::size_t row = 0; row < rows.rows; ++row) {
    double const by = rows.at(1, row);
    values[row] = by == 0 ? absent : rows.at(0, row) / by;
  }
  return made_series("divideSeries(" + dividend.name + "," + divisor.name + ")", rows.start,
                     rows.end, rows.step, std::move(values), x_files_factor);
}

// Without a divisor the series show that it is missing.
Result<SeriesList> divide(Call& call) {
  auto series = call.take_series("dividendSeriesList");
  auto const divisors = call.take_series("divisorSeries");
  if (divisors.size() > 1) {
    return call.error("the divisor must be one series, got " + std::to_string(divisors.size()));
  }
  for (auto& one : series) {
    if (divisors.empty()) {
      rename_call(one, "divideSeries", ",MISSING");
      one.values.assign(one.values.size(), absent);
    } else {
      one = quotient(one, divisors.front(), call.x_files_factor());
    }
  }
  return series;
}

Error unequal(Call const& call, std::size_t first, std::size_t second) {
  return call.error("both lists must be of one length, got " + std::to_string(first) + " and " +
                    std::to_string(second) + " series");
}

Result<SeriesList> divide_lists(Call& call) {
  auto series = call.take_series("dividendSeriesList");
  auto const divisors = call.take_series("divisorSeriesList");
  if (series.size() != divisors.size()) return unequal(call, series.size(), divisors.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    series[i] = quotient(series[i], divisors[i], call.x_files_factor());
  }
  return series;
}

Result<SeriesList> aggregate_pairs(Call& call, std::string_view function, double factor) {
  auto first = call.take_series("seriesListFirstPos");
  auto second = call.take_series("seriesListSecondPos");
  if (first.size() != second.size()) return unequal(call, first.size(), second.size());
  SeriesList out;
  for (std::size_t i = 0; i < first.size(); ++i) {
    auto const names = "(" + first[i].name + "," + second[i].name + ")";
    SeriesList pair;
    pair.push_back(std::move(first[i]));
    pair.push_back(std::move(second[i]));
    auto combined = combine(pair, function, factor);
    combined.front().name = std::string(short_aggregation_name(function)) + "Series" + names;
    out.push_back(std::move(combined.front()));
  }
  return out;
}

Result<SeriesList> aggregate_lists(Call& call) {
  return aggregate_pairs(call, call.text("func"),
                         call.real("xFilesFactor").value_or(call.x_files_factor()));
}
template <FixedText function>
Result<SeriesList> aggregate_lists_by(Call& call) {
  return aggregate_pairs(call, function, call.x_files_factor());
}

Function pairing(std::string name, std::string description,
                 Result<SeriesList> (*implementation)(Call&)) {
  return {.name = std::move(name),
          .group = "Combine",
          .description = std::move(description),
          .parameters = {required("seriesListFirstPos", ParameterType::series_list),
                         required("seriesListSecondPos", ParameterType::series_list)},
          .implementation = implementation,
          .aggregator = true};
}

}  // namespace

std::vector<Function> divide_functions() {
  auto pairs = pairing("aggregateSeriesLists",
                       "The named aggregation of the first series of both lists, of the second, "
                       "and so on.",
                       aggregate_lists);
  pairs.parameters.push_back(required("func", aggregation));
  pairs.parameters.push_back(optional("xFilesFactor", real));
  pairs.aggregator = false;
  return {
      {.name = "divideSeries",
       .group = "Combine",
       .description = "Each series divided by one series.",
       .parameters = {required("dividendSeriesList", ParameterType::series_list),
                      required("divisorSeries", ParameterType::series_list)},
       .implementation = divide},
      {.name = "divideSeriesLists",
       .group = "Combine",
       .description = "The first series by the first, the second by the second, and so on.",
       .parameters = {required("dividendSeriesList", ParameterType::series_list),
                      required("divisorSeriesList", ParameterType::series_list)},
       .implementation = divide_lists},
      pairs,
      pairing("diffSeriesLists", "The first series minus the first, and so on.",
              aggregate_lists_by<"diff">),
      pairing("multiplySeriesLists", "The first series times the first, and so on.",
              aggregate_lists_by<"multiply">),
      pairing("sumSeriesLists", "The first series plus the first, and so on.",
              aggregate_lists_by<"sum">),
  };
}

}  // namespace dadvisor::graphite::functions
