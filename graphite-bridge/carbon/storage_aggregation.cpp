#include "graphite-bridge/carbon/storage_aggregation.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "graphite-bridge/carbon/ini_file.hpp"
#include "graphite-bridge/carbon/name_pattern.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::array<std::pair<std::string_view, AggregationMethod>, 8> storage_methods{
    {{"average", AggregationMethod::average},
     {"sum", AggregationMethod::sum},
     {"last", AggregationMethod::last},
     {"max", AggregationMethod::max},
     {"min", AggregationMethod::min},
     {"avg_zero", AggregationMethod::avg_zero},
     {"absmax", AggregationMethod::absmax},
     {"absmin", AggregationMethod::absmin}}};

}  // namespace

std::optional<double> aggregate_points(StorageAggregation const& how,
                                       std::span<double const> values) {
  double sum = 0, best = 0, last = 0;
  std::size_t known = 0;
  auto const better = [&](double value) {
    switch (how.method) {
      case AggregationMethod::max:
        return value > best;
      case AggregationMethod::min:
        return value < best;
      case AggregationMethod::absmax:
        return std::abs(value) > std::abs(best);
      case AggregationMethod::absmin:
        return std::abs(value) < std::abs(best);
      default:
        return false;
    }
  };
  for (double const value : values) {
    if (is_absent(value)) continue;
    sum += value;
    last = value;
    if (known++ == 0 || better(value)) best = value;
  }
  if (known == 0) return std::nullopt;
  auto const all = static_cast<double>(values.size());
  if (static_cast<double>(known) / all < how.x_files_factor) return std::nullopt;
  switch (how.method) {
    case AggregationMethod::average:
      return sum / static_cast<double>(known);
    case AggregationMethod::sum:
      return sum;
    case AggregationMethod::last:
      return last;
    case AggregationMethod::avg_zero:
      return sum / all;
    default:
      return best;
  }
}

StorageAggregation StorageAggregations::of(std::string_view path) const {
  for (Entry const& entry : entries_)
    if (entry.pattern.matches(path)) return entry.aggregation;
  return {};
}

LoadedAggregations parse_storage_aggregation(std::string_view text, std::string const& file) {
  LoadedAggregations loaded;
  auto ini = parse_ini(text, file);
  loaded.errors = std::move(ini.errors);
  for (IniSection const& section : ini.sections) {
    auto const error = [&](std::size_t line, std::string const& why) {
      loaded.errors.push_back(config_error(file, line, why));
    };
    StorageAggregation aggregation;
    if (auto const* const factor = section.find("xfilesfactor")) {
      auto const number = parse_float(factor->value);
      if (number && *number >= 0 && *number <= 1)
        aggregation.x_files_factor = *number;
      else
        error(factor->line, "xFilesFactor is \"" + factor->value + "\"; write 0 to 1");
    }
    if (auto const* const method = section.find("aggregationmethod")) {
      auto const found = std::ranges::find(storage_methods, method->value,
                                           [](auto const& one) { return one.first; });
      if (found != storage_methods.end())
        aggregation.method = found->second;
      else
        error(method->line, "aggregationMethod is \"" + method->value +
                                "\"; write average, sum, last, max, min, avg_zero, absmax or "
                                "absmin");
    }
    auto const* const pattern = section.find("pattern");
    if (pattern == nullptr || pattern->value.empty()) {
      error(section.line, "[" + section.name + "] has no pattern; add \"pattern = .*\"");
      continue;
    }
    if (auto regex = name_pattern(pattern->value))
      loaded.aggregations.entries_.push_back({std::move(*regex), aggregation});
    else
      error(pattern->line, regex.error().context);
  }
  return loaded;
}

}  // namespace dadvisor::graphite
