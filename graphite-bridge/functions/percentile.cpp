// Functions of percentiles, of the groups Combine, Calculate, Filter Data and Filter Series.

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
    if (!work(call.window().budget, 4 * series.size())) return call.go_on().error();
    for (std::size_t column = 0; column < series.size(); ++column) {
      row_values[column] = rows.at(column, row);
    }
    values[row] = percentile(row_values, n, interpolate, room);
  }
  auto out =
      made_series("percentileOfSeries(" + series.front().path_expression + "," + general(n) + ")",
                  rows.start, rows.end, rows.step, std::move(values), call.x_files_factor());
  out.whole = rows.whole && !interpolate;
  return SeriesList{std::move(out)};
}

// Series without a value have no percentile and are left out.
Result<SeriesList> n_percentile(Call& call) {
  double const n = *call.real("n");
  if (!is_percentage(n)) return call.error(percentage_needed);
  std::vector<double> room;
  SeriesList out;
  for (auto& one : call.take_series("seriesList")) {
    if (!work(call.window().budget, 2 * one.values.size())) return call.go_on().error();
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
    if (!work(call.window().budget, 2 * one.values.size())) return call.go_on().error();
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

// Between the n-th percentile and the one as far from the other end, both excluded. Of n below 50
// its complement is meant, as graphite-web has it.
class Between {
 public:
  Between(double n, std::span<double const> values, std::vector<double>& room)
      : low_(percentile(values, 100 - upper(n), false, room)),
        high_(percentile(values, upper(n), false, room)) {}
  bool holds(double value) const { return low_ < value && value < high_; }

 private:
  static double upper(double n) { return n < 50 ? 100 - n : n; }
  double low_;
  double high_;
};

constexpr char const* full_percentage_needed = "n must be from 0 to 100";
bool is_full_percentage(double n) { return n >= 0 && n <= 100; }

// Series without a value have no average and are left out; graphite-web fails at them.
Result<SeriesList> average_outside(Call& call) {
  double const n = *call.real("n");
  auto series = call.take_series("seriesList");
  if (series.empty()) return series;
  if (!is_full_percentage(n)) return call.error(full_percentage_needed);
  std::vector<double> averages;
  for (auto const& one : series) averages.push_back(aggregate(Aggregation::average, one.values));
  std::vector<double> room;
  Between const between(n, averages, room);
  SeriesList out;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (is_absent(averages[i]) || between.holds(averages[i])) continue;
    out.push_back(std::move(series[i]));
  }
  return out;
}

// Keeps series that are outside at one point at least. An absent value is not outside;
// graphite-web fails at one.
Result<SeriesList> remove_between(Call& call) {
  double const n = *call.real("n");
  auto series = call.take_series("seriesList");
  if (series.empty()) return series;
  if (!is_full_percentage(n)) return call.error(full_percentage_needed);
  std::size_t rows = 0;
  for (auto const& one : series) rows = std::max(rows, one.values.size());
  std::vector<bool> kept(series.size(), false);
  std::vector<double> row_values(series.size());
  std::vector<double> room;
  for (std::size_t row = 0; row < rows; ++row) {
    if (!work(call.window().budget, 8 * series.size())) return call.go_on().error();
    for (std::size_t i = 0; i < series.size(); ++i) {
      row_values[i] = row < series[i].values.size() ? series[i].values[row] : absent;
    }
    Between const between(n, row_values, room);
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (!is_absent(row_values[i]) && !between.holds(row_values[i])) kept[i] = true;
    }
  }
  SeriesList out;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (kept[i]) out.push_back(std::move(series[i]));
  }
  return out;
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
      of_one_list("Filter Series", "averageOutsidePercentile",
                  "Keeps series whose average is not between the n-th percentile of all averages "
                  "and the one as far from the other end.",
                  average_outside, {n}),
      of_one_list("Filter Series", "removeBetweenPercentile",
                  "Leaves out series that at each point lie between the n-th percentile of all and "
                  "the one as far from the other end.",
                  remove_between, {n}),
  };
}

}  // namespace dadvisor::graphite::functions
