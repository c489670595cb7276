#include "graphite-bridge/picture/scale.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "graphite-bridge/picture/unit_text.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr double slack = 1e-6;          // of a step: what rounding may add
constexpr double greatest_end = 4e307;  // so that no span overflows
constexpr std::size_t most_lines = 200;

constexpr std::array<double, 23> second_steps{
    1,    2,    5,     10,    15,    30,    60,     120,    300,     600,     900,    1800,
    3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000};

double clamped(double value) { return std::clamp(value, -greatest_end, greatest_end); }

struct Limits {
  double low = 0, high = 1;
  bool low_fixed = false, high_fixed = false;
};

// How far the other end lies from a single value.
double reach_of(double value) { return std::fabs(value) < 1e-9 ? 1.0 : 0.1 * std::fabs(value); }

Limits limits_of(ScaleRequest const& request) {
  Limits out;
  if (request.lowest && request.highest) {
    out.low = clamped(*request.lowest);
    out.high = clamped(*request.highest);
  }
  if (request.axis.min) {
    out.low = clamped(*request.axis.min);
    out.low_fixed = true;
  }
  if (request.axis.max) {
    out.high = clamped(*request.axis.max);
    out.high_fixed = true;
  }
  if (request.axis.limit && *request.axis.limit < out.high) {
    out.high = clamped(*request.axis.limit);
    out.high_fixed = true;
  }
  double const size = std::max(std::fabs(out.low), std::fabs(out.high));
  if (out.high - out.low > 1e-12 * size) return out;  // false for all zero, too
  if (out.low_fixed && out.high_fixed) out.high_fixed = out.high > out.low;
  if (out.low_fixed) {
    if (!out.high_fixed) out.high = out.low + reach_of(out.low);
  } else if (out.high_fixed) {
    out.low = out.high - reach_of(out.high);
  } else if (size == 0) {
    out.high = 1;
  } else {
    double const middle = out.low / 2 + out.high / 2;
    double const reach = reach_of(size);
    bool const positive = middle >= 0;
    out.low = middle - reach;
    out.high = middle + reach;
    if (positive) out.low = std::max(out.low, 0.0);
  }
  return out;
}

// Whole steps from below `low` to above `high`.
double steps_between(double low, double high, double step) {
  return std::ceil(high / step - slack) - std::floor(low / step + slack);
}

double step_for_room(Limits const& limits, ScaleRequest const& request) {
  int const most = std::max(request.most_divisions, 1);
  double step = nice_step((limits.high - limits.low) / most, request.unit_system);
  auto const needed = [&] {
    double const low = limits.low_fixed ? limits.low / step : std::floor(limits.low / step + slack);
    double const high =
        limits.high_fixed ? limits.high / step : std::ceil(limits.high / step - slack);
    return high - low;
  };
  while (needed() > most + slack) step = nice_step(step * 1.01, request.unit_system);
  return step;
}

// A step for an axis that must take so many of them: more kinds, so that little room is lost.
double step_on_lines(Limits const& limits, int count, UnitSystem system) {
  double const span = limits.high - limits.low;
  if (system != UnitSystem::si && system != UnitSystem::none) {
    double step = nice_step(span / count, system);
    while (steps_between(limits.low, limits.high, step) > count) {
      step = nice_step(step * 1.01, system);
    }
    return step;
  }
  for (double power = nice_step(span / count, system) / 10;; power *= 10) {
    double const decade = std::pow(10.0, std::floor(std::log10(power) + slack));
    for (double const factor : {1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0}) {
      double const step = factor * decade;
      if (steps_between(limits.low, limits.high, step) <= count) return step;
    }
  }
}

// Of the numbers of steps that were asked for, the one that leaves the least room beyond the
// values (graphite-web's yDivisors).
double step_for_divisions(Limits const& limits, ScaleRequest const& request) {
  double const span = limits.high - limits.low;
  auto const [fewest, most] =
      std::minmax_element(request.divisions.begin(), request.divisions.end());
  double best_room = std::numeric_limits<double>::infinity();
  double best = 0;
  for (double step = nice_step(span / *most, request.unit_system);
       best == 0 || step * *fewest < 2 * best_room + span;
       step = nice_step(step * 1.01, request.unit_system)) {
    double const bottom = step * std::floor(limits.low / step + slack);
    for (int const count : request.divisions) {
      double const top = bottom + step * count;
      if (top < limits.high - slack * step) continue;
      double const room = std::max(top - limits.high, limits.low - bottom);
      if (room >= best_room) continue;
      best_room = room;
      best = step;
    }
  }
  return best;
}

void set_linear_lines(Scale& scale, double step, ScaleRequest const& request) {
  double const first = std::ceil(scale.bottom / step - slack);
  for (std::size_t i = 0; i < most_lines; ++i) {
    double value = (first + static_cast<double>(i)) * step;
    if (value > scale.top + slack * step) break;
    if (std::fabs(value) < slack * step) value = 0;
    scale.lines.push_back(value);
  }
  auto const text = NumberText::for_axis(std::max(std::fabs(scale.bottom), std::fabs(scale.top)),
                                         step, request.unit_system, request.unit);
  auto const room = static_cast<std::size_t>(std::max(request.most_divisions, 1)) * 3 / 2 + 1;
  auto const every = (scale.lines.size() + room - 1) / room;
  for (std::size_t i = 0; i < scale.lines.size(); i += std::max<std::size_t>(every, 1)) {
    scale.labels.push_back({scale.lines[i], text(scale.lines[i])});
  }
  for (int i = 1; i <= request.minor_lines; ++i) {
    for (double const line : scale.lines) {
      double const value = line + step * i / (request.minor_lines + 1);
      if (value < scale.top) scale.minor.push_back(value);
    }
  }
}

Scale linear_scale(ScaleRequest const& request) {
  auto const limits = limits_of(request);
  double const span = limits.high - limits.low;
  double step = 0;
  if (request.axis.step && *request.axis.step > 0 && span <= 100 * *request.axis.step) {
    step = *request.axis.step;
  } else if (request.exact_divisions && !limits.low_fixed && !limits.high_fixed) {
    step = step_on_lines(limits, *request.exact_divisions, request.unit_system);
  } else {
    step = request.divisions.empty() ? step_for_room(limits, request)
                                     : step_for_divisions(limits, request);
  }
  Scale out;
  out.bottom = limits.low_fixed ? limits.low : step * std::floor(limits.low / step + slack);
  out.top = limits.high_fixed || request.axis.max_of_data
                ? limits.high
                : step * std::ceil(limits.high / step - slack);
  if (request.axis.limit) out.top = std::min(out.top, *request.axis.limit);
  if (request.exact_divisions && !limits.low_fixed && !limits.high_fixed) {
    out.top = out.bottom + step * *request.exact_divisions;
  }
  if (!(out.top > out.bottom)) out.top = out.bottom + step;
  set_linear_lines(out, step, request);
  return out;
}

void set_log_lines(Scale& scale, double base, ScaleRequest const& request) {
  double const first = std::round(std::log(scale.bottom) / std::log(base));
  double const last = std::round(std::log(scale.top) / std::log(base));
  double const every =
      std::max(1.0, std::ceil((last - first) / std::max(request.most_divisions, 1)));
  bool const tens = base == 10;
  for (double power = first; power <= last + slack; power += every) {
    double const value = std::pow(base, power);
    if (!std::isfinite(value) || scale.lines.size() >= most_lines) break;
    scale.lines.push_back(value);
    bool const labelled_parts = tens && last - first <= 2;
    scale.labels.push_back(
        {value, NumberText::for_axis(value, value, request.unit_system, request.unit)(value)});
    if (every > 1 || !tens || power + 1 > last + slack) continue;
    for (int part = 2; part < 10; ++part) {
      double const between = value * part;
      scale.minor.push_back(between);
      if (!labelled_parts || (part != 2 && part != 5)) continue;
      scale.labels.push_back({between, NumberText::for_axis(between, value, request.unit_system,
                                                            request.unit)(between)});
    }
  }
}

Scale log_scale(ScaleRequest const& request, double base) {
  double low = request.axis.min.value_or(request.lowest.value_or(1));
  double high = request.axis.max.value_or(request.highest.value_or(low > 0 ? low * base : base));
  if (request.axis.limit) high = std::min(high, *request.axis.limit);
  if (!(low > 0)) low = high > 0 ? std::min(1.0, high) : 1;
  if (!(high >= low)) high = low;
  auto const power = [&](double exponent) { return std::pow(base, exponent); };
  auto const exponent = [&](double value) { return std::log(value) / std::log(base); };
  Scale out;
  out.log_base = base;
  out.bottom = std::max(power(std::floor(exponent(low) + slack)), 1e-307);
  out.top = std::min(power(std::ceil(exponent(high) - slack)), greatest_end);
  if (!(out.top > out.bottom * (1 + slack))) out.top = std::min(out.bottom * base, greatest_end);
  if (!(out.top > out.bottom)) out.bottom = out.top / base;
  set_log_lines(out, base, request);
  return out;
}

}  // namespace

double Scale::position(double value) const {
  if (!log_base) return (value - bottom) / (top - bottom);
  if (!(value > 0)) return absent;
  return std::log(value / bottom) / std::log(top / bottom);
}

Scale make_scale(ScaleRequest const& request) {
  bool const logarithmic = request.log_base && *request.log_base > 1;
  return logarithmic ? log_scale(request, *request.log_base) : linear_scale(request);
}

double nice_step(double step, UnitSystem system) {
  step = std::max(step, 1e-300);
  bool const durations = system == UnitSystem::seconds || system == UnitSystem::milliseconds;
  if (durations) {
    double const second = system == UnitSystem::seconds ? 1 : 1000;
    double const wanted = step / second * (1 - slack);
    auto const found = std::lower_bound(second_steps.begin(), second_steps.end(), wanted);
    if (wanted > 0.5 && found != second_steps.end()) return *found * second;
  }
  if (system == UnitSystem::binary) {
    return std::exp2(std::ceil(std::log2(step) - slack));
  }
  // Powers are read, not computed: std::pow(10, -3) need not be the nearest to 0.001.
  double const exponent = std::floor(std::log10(step) + slack);
  double const power = exponent < 0 ? 1 / std::pow(10.0, -exponent) : std::pow(10.0, exponent);
  for (double const factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - slack)) return factor * power;
  }
  return 10 * power;
}

}  // namespace dadvisor::graphite::picture
