// asPercent, which has five forms, each with its own names (graphite-web: functions.asPercent).
// Its oddity is kept: in the forms with one total, a series keeps its own step even where its
// values had to be put together to meet a coarser one.

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

double percent(double value, double total) {
  if (is_absent(value) || is_absent(total) || total == 0) return absent;
  return value / total * 100.0;
}

std::string percent_name(std::string_view part, std::string_view total) {
  return "asPercent(" + std::string(part) + "," + std::string(total) + ")";
}

// One series against its own total, both on their common step.
Series pair_percent(Series const& part, Series const& total, double x_files_factor) {
  auto const rows = normalize(std::vector<Series const*>{&part, &total});
  std::vector<double> values(rows.rows);
  for (std::size_t row = 0; row < rows.rows; ++row) {
    values[row] = percent(rows.at(0, row), rows.at(1, row));
  }
  return made_series(percent_name(part.name, total.name), rows.start, rows.end, rows.step,
                     std::move(values), x_files_factor);
}

// Every series against the same total; `column` are its values on the step of `rows`.
SeriesList common_percent(SeriesList const& series, Normalized const& rows,
                          std::span<double const> column, std::string_view total_name,
                          double x_files_factor) {
  SeriesList out;
  for (std::size_t i = 0; i < series.size(); ++i) {
    auto const& part = rows.columns[i];
    std::vector<double> values(std::max(part.size(), column.size()), absent);
    for (std::size_t row = 0; row < std::min(part.size(), column.size()); ++row) {
      values[row] = percent(part[row], column[row]);
    }
    out.push_back(made_series(percent_name(series[i].name, total_name), series[i].start,
                              series[i].end, series[i].step, std::move(values), x_files_factor));
  }
  return out;
}

SeriesList percent_of_sum(SeriesList const& series, double x_files_factor) {
  auto const rows = normalize(series);
  return common_percent(series, rows, aggregate_rows(rows, Aggregation::sum, 0),
                        "sumSeries(" + joined_path_expressions(series) + ")", x_files_factor);
}

SeriesList percent_of_number(SeriesList const& series, double total, std::string const& shown,
                             double x_files_factor) {
  // As many points as the first series has, before any are put together.
  std::vector<double> const column(series.front().values.size(), total);
  return common_percent(series, normalize(series), column, shown, x_files_factor);
}

SeriesList percent_of_one(SeriesList const& series, Series const& total, double x_files_factor) {
  std::vector<Series const*> all;
  for (auto const& one : series) all.push_back(&one);
  all.push_back(&total);
  auto const rows = normalize(all);
  return common_percent(series, rows, rows.columns.back(), total.name, x_files_factor);
}

// The first with the first, in the order of names.
SeriesList percent_of_matching(SeriesList series, SeriesList totals, double x_files_factor) {
  auto const by_name = [](Series const& a, Series const& b) { return a.name < b.name; };
  std::stable_sort(series.begin(), series.end(), by_name);
  std::stable_sort(totals.begin(), totals.end(), by_name);
  SeriesList out;
  for (std::size_t i = 0; i < series.size(); ++i) {
    out.push_back(pair_percent(series[i], totals[i], x_files_factor));
  }
  return out;
}

// Series of one key and the total of that key; either may be missing.
struct KeyGroup {
  std::string key;
  SeriesList parts;
  SeriesList totals;
};

KeyGroup& group_of(std::vector<KeyGroup>& groups, std::string const& key) {
  auto const found = std::find_if(groups.begin(), groups.end(),
                                  [&](KeyGroup const& group) { return group.key == key; });
  if (found != groups.end()) return *found;
  groups.push_back(KeyGroup{key, {}, {}});
  return groups.back();
}

std::optional<Series> sum_of_group(SeriesList const& series, double x_files_factor) {
  if (series.empty()) return std::nullopt;
  if (series.size() == 1) return series.front();
  auto const rows = normalize(series);
  return made_series("sumSeries(" + joined_path_expressions(series) + ")", rows.start, rows.end,
                     rows.step, aggregate_rows(rows, Aggregation::sum, 0), x_files_factor);
}

Series all_absent(std::string name, Series const& like, double x_files_factor) {
  return made_series(std::move(name), like.start, like.end, like.step,
                     std::vector<double>(like.values.size(), absent), x_files_factor);
}

SeriesList percent_by_key(SeriesList const& series, std::optional<SeriesList> const& totals,
                          std::vector<Value> const& nodes, double x_files_factor) {
  std::vector<KeyGroup> groups;
  for (auto const& one : series) group_of(groups, node_key(one, nodes)).parts.push_back(one);
  if (totals) {
    for (auto const& one : *totals) group_of(groups, node_key(one, nodes)).totals.push_back(one);
  }
  SeriesList out;
  for (auto const& group : groups) {
    auto const total = sum_of_group(totals ? group.totals : group.parts, x_files_factor);
    if (group.parts.empty()) {
      out.push_back(all_absent(percent_name("MISSING", total->name), *total, x_files_factor));
    }
    for (auto const& part : group.parts) {
      out.push_back(total ? pair_percent(part, *total, x_files_factor)
                          : all_absent(percent_name(part.name, "MISSING"), part, x_files_factor));
    }
  }
  return out;
}

Result<SeriesList> as_percent(Call& call) {
  auto series = call.take_series("seriesList");
  double const factor = call.x_files_factor();
  auto const nodes = call.values("nodes");
  bool const has_totals = call.is_series("total");
  auto const number = call.value("total");
  if (!has_totals && !is_none(number) && !call.real("total")) {
    return call.error("total must be a number or series");
  }
  if (!nodes.empty() && !has_totals && !is_none(number)) {
    return call.error("with nodes, total must be none or series");
  }
  if (series.empty()) return SeriesList{};
  auto totals = call.take_series("total");
  if (!nodes.empty()) {
    return percent_by_key(series, has_totals ? std::optional(std::move(totals)) : std::nullopt,
                          nodes, factor);
  }
  if (!has_totals) {
    if (is_none(number)) return percent_of_sum(series, factor);
    return percent_of_number(series, *call.real("total"), to_text(number), factor);
  }
  // A total that matches nothing leaves nothing to show; graphite-web answers 400 here.
  if (totals.empty()) return SeriesList{};
  if (totals.size() == series.size()) {
    return percent_of_matching(std::move(series), std::move(totals), factor);
  }
  if (totals.size() == 1) return percent_of_one(series, totals.front(), factor);
  return call.error("total must be none, a number, one series or as many as the first argument");
}

}  // namespace

std::vector<Function> percent_functions() {
  auto nodes = optional("nodes", node_or_tag);
  nodes.multiple = true;
  Function const as_percent_function{
      .name = "asPercent",
      .group = "Combine",
      .description =
          "Each series as percent of a total: of the sum of all, of a number, of one "
          "series, of a series each, or, with nodes, of the total that shares these "
          "nodes or tags.",
      .parameters = {one_list(), optional("total", any), nodes},
      .implementation = as_percent,
      .aggregator = true};
  return {as_percent_function, also_called(as_percent_function, "pct")};
}

}  // namespace dadvisor::graphite::functions
