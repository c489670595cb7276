// Of group Combine, the functions that pair series: divideSeries by one, divideSeriesLists by one
// each, the aggregations of pairs, and weightedAverage.

#include <algorithm>
#include <map>
#include <set>
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

// The series of both lists that share a key; of several the last.
struct Weighted {
  Series const* average = nullptr;
  Series const* weight = nullptr;
};

// Value by value, by index.
Series product_of(Weighted const& pair, double x_files_factor) {
  auto const& average = *pair.average;
  auto const& weight = *pair.weight;
  std::vector<double> values(std::max(average.values.size(), weight.values.size()), absent);
  for (std::size_t i = 0; i < std::min(average.values.size(), weight.values.size()); ++i) {
    values[i] = average.values[i] * weight.values[i];
  }
  return made_series("product(" + weight.name + "," + average.name + ")", average.start,
                     average.end, average.step, std::move(values), x_files_factor);
}

std::string sorted_path_expressions(SeriesList const& series) {
  std::set<std::string> sorted;
  for (auto const& one : series) sorted.insert(one.path_expression);
  std::string out;
  for (auto const& one : sorted) out += (out.empty() ? "" : ",") + one;
  return out;
}

// Its sum of weights is that of all, also of those without a partner, as graphite-web has it.
Result<SeriesList> weighted_average(Call& call) {
  auto const averages = call.take_series("seriesListAvg");
  auto const weights = call.take_series("seriesListWeight");
  if (averages.size() != weights.size()) {
    return call.error("needs as many weights as averages, got " + std::to_string(weights.size()) +
                      " and " + std::to_string(averages.size()));
  }
  auto const nodes = call.values("nodes");
  std::vector<Weighted> pairs;
  std::map<std::string, std::size_t> places;
  auto const pair_of = [&](Series const& one) -> Weighted& {
    auto const [at, made] = places.try_emplace(node_key(one, nodes), pairs.size());
    if (made) pairs.emplace_back();
    return pairs[at->second];
  };
  for (std::size_t i = 0; i < averages.size(); ++i) {
    pair_of(averages[i]).average = &averages[i];
    pair_of(weights[i]).weight = &weights[i];
  }
  double const factor = call.x_files_factor();
  SeriesList products;
  for (auto const& pair : pairs) {
    if (pair.average && pair.weight) products.push_back(product_of(pair, factor));
  }
  if (products.empty()) return products;
  auto out = std::move(combine(products, "sum", factor).front());
  auto const sum = combine(weights, "sum", factor).front().values;
  out.values.resize(std::max(out.values.size(), sum.size()), absent);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    double const divisor = i < sum.size() && sum[i] != 0 ? sum[i] : absent;
    out.values[i] /= divisor;
  }
  std::string shown;
  for (auto const& node : nodes) shown += (shown.empty() ? "" : ",") + to_text(node);
  return SeriesList{made_series("weightedAverage(" + sorted_path_expressions(averages) + ", " +
                                    sorted_path_expressions(weights) + ", " + shown + ")",
                                out.start, out.end, out.step, std::move(out.values), factor)};
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
  auto nodes = optional("nodes", node_or_tag);
  nodes.multiple = true;
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
      {.name = "weightedAverage",
       .group = "Combine",
       .description = "The average of series, each times its weight: the series of the second list "
                      "that shares these nodes or tags.",
       .parameters = {required("seriesListAvg", ParameterType::series_list),
                      required("seriesListWeight", ParameterType::series_list), nodes},
       .implementation = weighted_average},
      pairing("diffSeriesLists", "The first series minus the first, and so on.",
              aggregate_lists_by<"diff">),
      pairing("multiplySeriesLists", "The first series times the first, and so on.",
              aggregate_lists_by<"multiply">),
      pairing("sumSeriesLists", "The first series plus the first, and so on.",
              aggregate_lists_by<"sum">),
  };
}

}  // namespace dadvisor::graphite::functions
