// Of group Calculate, what statistics make of one series: linearRegression, stdev.

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

struct Line {
  double per_second = 0;
  double at_zero = 0;  // at unix time 0
};

// Least squares over the known values; none where fewer than two are known.
std::optional<Line> regression_of(Series const& series) {
  double known = 0, sum_places = 0, sum_values = 0, sum_squares = 0, sum_products = 0;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    double const value = series.values[i];
    if (is_absent(value)) continue;
    auto const place = static_cast<double>(i);
    known += 1;
    sum_places += place;
    sum_values += value;
    sum_squares += place * place;
    sum_products += place * value;
  }
  double const denominator = known * sum_squares - sum_places * sum_places;
  if (denominator == 0) return std::nullopt;
  double const per_second = (known * sum_products - sum_places * sum_values) / denominator /
                            static_cast<double>(series.step);
  return Line{per_second, (sum_squares * sum_values - sum_products * sum_places) / denominator -
                              per_second * static_cast<double>(series.start)};
}

// Moves `time` to what the parameter says, where it is given.
Result<void> move_to(Call& call, char const* parameter, std::int64_t& time) {
  if (is_none(call.value(parameter))) return {};
  auto const given = parse_time(call.text(parameter), call.window().now, call.context().zone);
  if (!given) return call.error(given.error().context);
  time = *given;
  return {};
}

Result<SeriesList> linear_regression(Call& call) {
  auto source = call.window();
  if (auto const moved = move_to(call, "startSourceAt", source.from); !moved) return moved.error();
  if (auto const moved = move_to(call, "endSourceAt", source.until); !moved) return moved.error();
  if (source.from >= source.until) {
    return call.error("startSourceAt must be before endSourceAt");
  }
  auto series = call.take_series("seriesList");
  auto const sources = call.evaluate_again("seriesList", source);
  if (!sources) return sources.error();
  auto const from = std::to_string(source.from);
  auto const until = std::to_string(source.until);
  SeriesList out;
  for (std::size_t i = 0; i < std::min(series.size(), sources->size()); ++i) {
    auto const line = regression_of((*sources)[i]);
    if (!line) continue;
    auto& one = series[i];
    auto time = static_cast<double>(one.start);
    for (auto& value : one.values) {
      value = line->at_zero + time * line->per_second;
      time += static_cast<double>(one.step);
    }
    one.consolidation = Consolidation::average;
    one.tags["linearRegressions"] = from + ", " + until;
    rename_call(one, "linearRegression", ", " + from + ", " + until);
    out.push_back(std::move(one));
  }
  return out;
}

// What Python adds up: floats, or ints, of which no sum is rounded.
struct Floats {
  using Number = double;
  static double of(double value) { return value; }
  // value ** 2 is C's pow(value, 2): it rounds otherwise than value * value in one case of a
  // thousand. That the exponent may change keeps the compiler from putting the one for the other.
  static double square(double value) {
    static double const volatile two = 2;
    return std::pow(value, two);
  }
};
struct Integers {
  using Number = __int128;
  // As many squares as a series has values, times their number, have room.
  static bool fit(Series const& series) {
    constexpr double beyond = 1LL << 40;
    return series.whole && std::ranges::all_of(series.values, [](double value) {
             return is_absent(value) || (std::fabs(value) < beyond && is_whole(value));
           });
  }
  static Number of(double value) { return static_cast<std::int64_t>(value); }
  static Number square(Number value) { return value * value; }
};

// By running sums, in graphite-web's order: what they lose to rounding is in its answers too. Where
// that leaves a negative square the deviation is absent; and so it is from where on a square is too
// large for a double, at which graphite-web fails.
template <typename Numbers>
std::vector<double> deviations_of(std::span<double const> values, std::size_t points,
                                  double tolerance) {
  std::vector<double> out;
  out.reserve(values.size());
  typename Numbers::Number known = 0, sum = 0, squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    double const left = i < points ? absent : values[i - points];
    if (!is_absent(left)) {
      known -= 1;
      sum -= Numbers::of(left);
      squares -= Numbers::square(Numbers::of(left));
    }
    if (!is_absent(values[i])) {
      known += 1;
      sum += Numbers::of(values[i]);
      squares += Numbers::square(Numbers::of(values[i]));
    }
    auto const count = static_cast<double>(known);
    bool const enough = known > 0 && count / static_cast<double>(points) >= tolerance;
    auto const spread = static_cast<double>(known * squares - Numbers::square(sum));
    out.push_back(enough ? std::sqrt(spread) / count : absent);
  }
  return out;
}

Result<SeriesList> moving_deviation(Call& call) {
  auto const points = *call.integer("points");
  if (points < 0) return call.error("points must not be negative");
  auto series = call.take_series("seriesList");
  double const tolerance = *call.real("windowTolerance");
  for (auto& one : series) {
    auto const deviations = Integers::fit(one) ? deviations_of<Integers> : deviations_of<Floats>;
    one.values = deviations(one.values, static_cast<std::size_t>(points), tolerance);
    one.tags["stdev"] = std::to_string(points);
    rename_call(one, "stdev", "," + std::to_string(points));
  }
  return series;
}

}  // namespace

std::vector<Function> statistics_functions() {
  return {
      of_one_list("Calculate", "linearRegression",
                  "The straight line that fits each series best between two times, the window's "
                  "when they are not given, drawn over the window.",
                  linear_regression,
                  {optional("startSourceAt", date), optional("endSourceAt", date)}),
      of_one_list("Calculate", "stdev",
                  "The standard deviation of so many points up to each; windowTolerance: which "
                  "fraction of them must be known.",
                  moving_deviation,
                  {required("points", integer), optional("windowTolerance", real, 0.1)}),
  };
}

}  // namespace dadvisor::graphite::functions
