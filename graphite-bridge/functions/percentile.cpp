// Functions of percentiles, of the groups Combine, Calculate and Filter Data.

#include "graphite-bridge/functions/percentile.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite::functions {

double percentile(std::span<double const> values, double n, bool interpolate,
                  std::vector<double>& room) {
  room.clear();
  std::copy_if(values.begin(), values.end(), std::back_inserter(room),
               [](double value) { return !is_absent(value); });
  if (room.empty()) return absent;
  double const exact = n / 100.0 * (static_cast<double>(room.size()) + 1);
  auto rank = static_cast<std::size_t>(exact);
  double const fraction = exact - static_cast<double>(rank);
  if (!interpolate && fraction > 0) ++rank;
  auto const place = std::min(rank == 0 ? 0 : rank - 1, room.size() - 1);
  auto const at = room.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(room.begin(), at, room.end());
  if (!interpolate || rank >= room.size() || rank == 0) return *at;
  double const next = *std::min_element(at + 1, room.end());
  return *at + fraction * (next - *at);
}

namespace {

using enum ParameterType;

constexpr char const* percentage_needed = "n must be more than 0 and at most 100";

Result<SeriesList> percentile_of_series(Call& call) {
  double const n = *call.real("n");
  if (!is_percentage(n)) return call.error(percentage_needed);
  auto const series = call.take_series("seriesList");
  if (series.empty()) return SeriesList{};
  auto const rows = normalize(series);
  bool const interpolate = call.flag("interpolate");
  std::vector<double> values(rows.rows);
  std::vector<double> row_values(series.size());
  std::vector<double> room;
  for (std::size_t row = 0; row < rows.rows; ++row) {
    for (std::size_t column = 0; column < series.size(); ++column) {
      row_values[column] = rows.at(column, row);
    }
    values[row] = percentile(row_values, n, interpolate, room);
  }
  return SeriesList{
      made_series("percentileOfSeries(" + series.front().path_expression + "," + general(n) + ")",
                  rows.start, rows.end, rows.step, std::move(values), call.x_files_factor())};
}

// Series without a value have no percentile and are left out.
Result<SeriesList> n_percentile(Call& call) {
  double const n = *call.real("n");
  if (!is_percentage(n)) return call.error(percentage_needed);
  std::vector<double> room;
  SeriesList out;
  for (auto& one : call.take_series("seriesList")) {
    double const value = percentile(one.values, n, false, room);
    if (is_absent(value)) continue;
    auto const span = std::max<std::int64_t>(one.end - one.start, 0);
    one.values.assign(static_cast<std::size_t>(span / one.step), value);
    one.tags["nPercentile"] = repr(n);
    rename_expression(one, "nPercentile(" + one.name + ", " + general(n) + ")");
    out.push_back(std::move(one));
  }
  return out;
}

template <bool above>
Result<SeriesList> remove_by_percentile(Call& call) {
  double const n = *call.real("n");
  if (!is_percentage(n)) return call.error(percentage_needed);
  auto series = call.take_series("seriesList");
  std::vector<double> room;
  for (auto& one : series) {
    rename_call(one, above ? "removeAbovePercentile" : "removeBelowPercentile", ", " + general(n));
    double const bound = percentile(one.values, n, false, room);
    if (is_absent(bound)) continue;
    one.tags["nPercentile"] = repr(n);
    for (auto& value : one.values) {
      if (above ? value > bound : value < bound) value = absent;
    }
  }
  return series;
}

}  // namespace

std::vector<Function> percentile_functions() {
  auto const n = required("n", real);
  return {
      {.name = "percentileOfSeries",
       .group = "Combine",
       .description = "At each point the n-th percentile of all series' values; interpolate: "
                      "between two values where the rank lies between them.",
       .parameters = {one_list(), n, optional("interpolate", boolean, false)},
       .implementation = percentile_of_series},
      {.name = "nPercentile",
       .group = "Calculate",
       .description = "A level line at the n-th percentile of each series.",
       .parameters = {one_list(), n},
       .implementation = n_percentile},
      {.name = "removeAbovePercentile",
       .group = "Filter Data",
       .description = "Leaves out values above the series' n-th percentile.",
       .parameters = {one_list(), n},
       .implementation = remove_by_percentile<true>},
      {.name = "removeBelowPercentile",
       .group = "Filter Data",
       .description = "Leaves out values below the series' n-th percentile.",
       .parameters = {one_list(), n},
       .implementation = remove_by_percentile<false>},
  };
}

}  // namespace dadvisor::graphite::functions
