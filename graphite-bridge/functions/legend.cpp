// Functions that write values into names: legendValue, cactiStyle, aliasQuery.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/functions/python_format.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/regex.hpp"
#include "graphite-bridge/whole_numbers.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// "1.50k", "12.00Mi": two digits and the greatest prefix that fits; no system, no prefix.
std::string with_prefix(double value, std::string_view system) {
  constexpr std::array<char const*, 5> prefixes{"P", "T", "G", "M", "k"};
  constexpr std::array<char const*, 5> binary_prefixes{"Pi", "Ti", "Gi", "Mi", "Ki"};
  bool const binary = system == "binary";
  for (std::size_t i = 0; i < prefixes.size() && !system.empty(); ++i) {
    double const size = std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(5 - i));
    if (std::fabs(value) < size) continue;
    return fmt::format("{:.2f}{}", value / size, binary ? binary_prefixes[i] : prefixes[i]);
  }
  return fmt::format("{:.2f}", value);
}

// As Python's str() shows what the aggregation gives.
std::string plain_text(Aggregation aggregation, double value, Series const& series) {
  if (is_absent(value)) return "None";
  return repr(value, makes_whole(aggregation, series));
}

// The last type may be "si" or "binary": then values have prefixes and all stands in columns.
Result<SeriesList> legend_value(Call& call) {
  auto series = call.take_series("seriesList");
  std::vector<std::string> types;
  for (auto const& one : call.values("valuesTypes")) types.push_back(to_text(one));
  std::string system;
  if (!types.empty() && (types.back() == "si" || types.back() == "binary")) {
    system = types.back();
    types.pop_back();
  }
  for (auto const& type : types) {
    // "sumSeries" is no aggregation here, unlike everywhere else.
    auto const found = find_aggregation(type);
    bool const known = found && short_aggregation_name(type) == type;
    auto const aggregation = found.value_or(Aggregation::average);
    auto const shown = [&](Series const& one) -> std::string {
      if (!known) return "(?)";
      double const value = aggregate(aggregation, one.values);
      if (system.empty()) return plain_text(aggregation, value, one);
      return is_absent(value) ? "None" : with_prefix(value, system);
    };
    for (auto& one : series) {
      if (system.empty()) {
        one.name += " (" + type + ": " + shown(one) + ")";
      } else {
        one.name = fmt::format("{:<20}{:<5}{:<10}", one.name, type, shown(one));
      }
    }
  }
  return series;
}

// The last, greatest and least value behind each name, in columns.
Result<SeriesList> cacti_style(Call& call) {
  auto series = call.take_series("seriesList");
  auto const system = call.text("system");
  auto const units = call.text("units");
  auto const shown = [&](double value) {
    if (is_absent(value)) return std::string("nan");
    auto out = with_prefix(value, system);
    if (units.empty()) return out;
    // The number and its prefix stand apart, the prefix and the unit do not.
    auto const digits = out.find_last_of("0123456789") + 1;
    return out.substr(0, digits) + " " + out.substr(digits) + units;
  };
  constexpr std::array columns{Aggregation::last, Aggregation::max, Aggregation::min};
  std::size_t name_width = 0;
  std::array<std::size_t, columns.size()> widths{};
  for (auto const& one : series) {
    name_width = std::max(name_width, one.name.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      // graphite-web measures the whole number, and 3 for nothing and for 0.
      double const value = aggregate(columns[i], one.values);
      double const measured = is_absent(value) || value == 0 ? 3 : std::trunc(value) + 0.0;
      widths[i] = std::max(widths[i], shown(measured).size() + 3);
    }
  }
  for (auto& one : series) {
    auto const column = [&](std::size_t i) {
      return fmt::format("{:<{}}", shown(aggregate(columns[i], one.values)), widths[i]);
    };
    one.name = fmt::format("{:<{}} Current:{} Max:{} Min:{} ", one.name, name_width, column(0),
                           column(1), column(2));
  }
  return series;
}

// A name with the last value of the series whose name the replacement makes of the old one.
Result<SeriesList> alias_query(Call& call) {
  auto series = call.take_series("seriesList");
  auto const search = Regex::compile(call.text("search"));
  if (!search) return call.error(search.error().context);
  for (auto& one : series) {
    auto const target = search->replace(one.name, call.text("replace"));
    if (!target) return call.error(target.error().context);
    auto const found = call.evaluate_text(*target);
    if (!found) return found.error();
    if (found->empty()) return call.error("no series found for " + *target);
    double const value = aggregate(Aggregation::last, found->front().values);
    if (is_absent(value)) return call.error("no last value of " + *target);
    auto name = python_format(call.text("newName"), value, found->front().whole);
    if (!name) return call.error(name.error().context);
    one.name = std::move(*name);
  }
  return series;
}

}  // namespace

std::vector<Function> legend_functions() {
  auto types = optional("valuesTypes", text);
  types.multiple = true;
  for (auto const& name : aggregation_names()) {
    types.options.emplace_back(name);
    types.options.emplace_back(name + "Series");
  }
  types.options.emplace_back(std::string("si"));
  types.options.emplace_back(std::string("binary"));
  auto system = optional("system", text);
  system.options = {std::string("binary"), std::string("si")};
  return {
      {.name = "legendValue",
       .group = "Alias",
       .description = "Adds the named aggregations of each series to its name; 'si' or 'binary' as "
                      "the last one writes them with such prefixes.",
       .parameters = {one_list(), types},
       .implementation = legend_value},
      {.name = "cactiStyle",
       .group = "Special",
       .description = "Adds the last, greatest and least value to each name, in columns.",
       .parameters = {one_list(), system, optional("units", text)},
       .implementation = cacti_style},
      {.name = "aliasQuery",
       .group = "Alias",
       .description = "Shows each series under a name with a number in it (%d, %.2f): the last "
                      "value of the series that the replacement of its name finds.",
       .parameters = {one_list(), required("search", text), required("replace", text),
                      required("newName", text)},
       .implementation = alias_query},
  };
}

}  // namespace dadvisor::graphite::functions
