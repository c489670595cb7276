// Of group Transform, the functions that make each value another one by itself.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/functions/power.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// The new value of each known one.
template <typename Map>
void map_values(Series& series, Map map) {
  for (auto& value : series.values) {
    if (!is_absent(value)) value = map(value);
  }
}

// The same for each series: tagged and named, then its values.
template <typename Map>
Result<SeriesList> map_each(Call& call, std::string const& function, std::string const& tag,
                            std::string const& shown, Map map) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    one.tags[function] = tag;
    rename_call(one, function, shown);
    map_values(one, map);
  }
  return series;
}

Result<SeriesList> scale(Call& call) {
  double const factor = *call.real("factor");
  return map_each(call, "scale", repr(factor), "," + general(factor),
                  [factor](double value) { return value * factor; });
}

Result<SeriesList> offset(Call& call) {
  double const factor = *call.real("factor");
  return map_each(call, "offset", repr(factor), "," + general(factor),
                  [factor](double value) { return value + factor; });
}

// Its names show the constant without what is behind the point ("%d").
Result<SeriesList> add_constant(Call& call) {
  double const constant = *call.real("constant");
  if (!std::isfinite(constant)) return call.error("constant must be finite");
  std::array<char, 400> digits{};
  double const whole = std::trunc(constant) + 0.0;  // no "-0"
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), whole,
                                 std::chars_format::fixed, 0)
                       .ptr;
  return map_each(call, "add", repr(constant), "," + std::string(digits.data(), end),
                  [constant](double value) { return value + constant; });
}

Result<SeriesList> absolute(Call& call) {
  return map_each(call, "absolute", "1", "", [](double value) { return std::fabs(value); });
}

Result<SeriesList> invert(Call& call) {
  return map_each(call, "invert", "1", "", [](double value) { return power(value, -1); });
}

Result<SeriesList> square_root(Call& call) {
  return map_each(call, "squareRoot", "1", "", [](double value) { return power(value, 0.5); });
}

Result<SeriesList> raise(Call& call) {
  double const factor = *call.real("factor");
  return map_each(call, "pow", repr(factor), "," + general(factor),
                  [factor](double value) { return power(value, factor); });
}

Result<SeriesList> logarithm(Call& call) {
  auto const base = *call.integer("base");
  if (base <= 0 || base == 1) return call.error("base must be more than 1");
  double const divisor = std::log(static_cast<double>(base));
  return map_each(
      call, "log", std::to_string(base), ", " + std::to_string(base),
      [divisor](double value) { return value <= 0 ? absent : std::log(value) / divisor; });
}

// Absent where it is too large for a double; graphite-web fails there.
Result<SeriesList> exponential(Call& call) {
  return map_each(call, "exp", "e", "", [](double value) {
    double const result = std::exp(value);
    return std::isinf(result) && std::isfinite(value) ? absent : result;
  });
}

Result<SeriesList> sigmoid(Call& call) {
  return map_each(call, "sigmoid", "sigmoid", "",
                  [](double value) { return 1 / (1 + std::exp(-value)); });
}

// Only what is between 0 and 1 has one.
Result<SeriesList> logit(Call& call) {
  return map_each(call, "logit", "logit", "", [](double value) {
    double const odds = value / (1 - value);
    return value != 1 && odds > 0 ? std::log(odds) : absent;
  });
}

Result<SeriesList> round_values(Call& call) {
  constexpr std::int64_t most_digits = 330;  // a double has no more
  auto const precision = *call.integer("precision");
  auto const digits = static_cast<int>(std::clamp(precision, -most_digits, most_digits));
  auto const shown =
      call.is_given("precision") ? "," + general(static_cast<double>(precision)) : std::string();
  return map_each(call, "round", std::to_string(precision), shown,
                  [digits](double value) { return round_to(value, digits); });
}

Result<SeriesList> offset_to_zero(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    double const least = aggregate(Aggregation::min, one.values);
    one.tags["offsetToZero"] = is_absent(least) ? "None" : repr(least, one.whole);
    rename_call(one, "offsetToZero");
    map_values(one, [least](double value) { return value - least; });
  }
  return series;
}

// The least becomes 0, the greatest 1; where they are the same, all are 0.
Result<SeriesList> min_max(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    double const least = aggregate(Aggregation::min, one.values);
    double const range = aggregate(Aggregation::max, one.values) - least;
    rename_call(one, "minMax");
    map_values(one,
               [least, range](double value) { return range == 0 ? 0 : (value - least) / range; });
  }
  return series;
}

// Of rates per step into rates per `seconds`.
Result<SeriesList> scale_to_seconds(Call& call) {
  auto series = call.take_series("seriesList");
  double const seconds = *call.real("seconds");
  if (!(std::fabs(seconds) < 1e15)) return call.error("seconds is too large");
  for (auto& one : series) {
    double const factor = seconds / static_cast<double>(one.step);
    one.tags["scaleToSeconds"] = repr(seconds);
    rename_call(one, "scaleToSeconds", "," + std::to_string(static_cast<std::int64_t>(seconds)));
    map_values(one, [factor](double value) { return round_to(value * factor, 6); });
  }
  return series;
}

}  // namespace

std::vector<Function> arithmetic_functions() {
  auto const factor = required("factor", real);
  return {
      of_one_list("Transform", "scale", "Each value times the factor.", scale, {factor}),
      of_one_list("Transform", "offset", "Each value plus the factor.", offset, {factor}),
      of_one_list("Transform", "add", "Each value plus the constant.", add_constant,
                  {required("constant", real)}),
      of_one_list("Transform", "exp", "e to the power of each value.", exponential),
      of_one_list("Transform", "sigmoid", "1 / (1 + exp(-value)) of each value.", sigmoid),
      of_one_list("Transform", "logit",
                  "log(value / (1 - value)) of each value, absent but between 0 and 1.", logit),
      of_one_list("Transform", "minMax",
                  "Each value as its place between the least and the greatest of its series, 0 to "
                  "1.",
                  min_max),
      of_one_list("Transform", "absolute", "The absolute value of each value.", absolute),
      of_one_list("Transform", "invert", "One divided by each value.", invert),
      of_one_list("Transform", "squareRoot", "The square root of each value, absent below zero.",
                  square_root),
      of_one_list("Transform", "pow", "Each value to the power of the factor.", raise, {factor}),
      of_one_list("Transform", "log", "The logarithm of each value, absent at and below zero.",
                  logarithm, {optional("base", integer, std::int64_t{10})}),
      of_one_list("Transform", "round", "Each value rounded to so many digits behind the point.",
                  round_values, {optional("precision", integer, std::int64_t{0})}),
      of_one_list("Transform", "offsetToZero", "Each value minus the least of its series.",
                  offset_to_zero),
      of_one_list("Transform", "scaleToSeconds",
                  "Each value as if it were for so many seconds rather than a step.",
                  scale_to_seconds, {required("seconds", real)}),
  };
}

}  // namespace dadvisor::graphite::functions
