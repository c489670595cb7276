// Functions about holes and about when values change: what stands where there is no value, where
// there is one, and where it becomes another.

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// Calls fill(begin, end) for each run of absent values that is at most `limit` long (none: however
// long) and has a value before it. end is values.size() when none follows.
template <typename Fill>
void each_hole(std::vector<double> const& values, std::optional<std::int64_t> limit, Fill fill) {
  std::size_t begin = 0;  // of the hole that place i would lie in
  for (std::size_t i = 0; i <= values.size(); ++i) {
    if (i < values.size() && is_absent(values[i])) continue;
    auto const length = static_cast<std::int64_t>(i - begin);
    if (length > 0 && begin > 0 && (!limit || length <= *limit)) fill(begin, i);
    begin = i + 1;
  }
}

Result<SeriesList> keep_last_value(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    each_hole(one.values, call.integer("limit"), [&one](std::size_t begin, std::size_t end) {
      for (auto i = begin; i < end; ++i) one.values[i] = one.values[begin - 1];
    });
    rename_call(one, "keepLastValue");
  }
  return series;
}

// A straight line over each hole that has a value at both ends.
Result<SeriesList> interpolate(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    auto& values = one.values;
    each_hole(values, call.integer("limit"), [&one, &values](std::size_t begin, std::size_t end) {
      if (end == values.size()) return;
      one.whole = false;  // for it divides
      double const left = values[begin - 1];
      double const rise = values[end] - left;
      auto const steps = static_cast<double>(end - begin + 1);
      for (auto i = begin; i < end; ++i) {
        values[i] = left + static_cast<double>(i - begin + 1) * rise / steps;
      }
    });
    rename_call(one, "interpolate");
  }
  return series;
}

// With reference series a value is put in only where one of them has one.
Result<SeriesList> transform_null(Call& call) {
  auto series = call.take_series("seriesList");
  auto const references = call.take_series("referenceSeries");
  double const fallback = *call.real("default");
  std::vector<double> fill;
  for (auto const& reference : references) {
    fill.resize(std::max(fill.size(), reference.values.size()), absent);
    for (std::size_t i = 0; i < reference.values.size(); ++i) {
      if (!is_absent(reference.values[i])) fill[i] = fallback;
    }
  }
  // 0 is an int where it is not given, a float where it is.
  bool const whole = is_none(call.value("default")) || !call.is_given("default");
  for (auto& one : series) {
    if (std::ranges::all_of(one.values, is_absent)) one.whole = true;
    if (!whole && std::ranges::any_of(one.values, is_absent)) one.whole = false;
    one.tags["transformNull"] = to_text(call.value("default"));
    if (!references.empty()) one.tags["referenceSeries"] = "1";
    rename_call(one, "transformNull",
                "," + general(fallback) + (references.empty() ? "" : ",referenceSeries"));
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      if (!is_absent(one.values[i])) continue;
      if (references.empty()) one.values[i] = fallback;
      if (i < fill.size()) one.values[i] = fill[i];
    }
  }
  return series;
}

Result<SeriesList> is_non_null(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    one.tags["isNonNull"] = "1";
    rename_call(one, "isNonNull");
    for (auto& value : one.values) value = is_absent(value) ? 0 : 1;
    one.whole = true;
  }
  return series;
}

// 1 where a value differs from the last known one, else 0; never absent.
Result<SeriesList> changed(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    rename_call(one, "changed");
    double last = absent;
    for (auto& value : one.values) {
      bool const differs = !is_absent(last) && !is_absent(value) && value != last;
      if (!is_absent(value)) last = value;
      value = differs ? 1 : 0;
    }
    one.whole = true;
  }
  return series;
}

// Values so many steps later, earlier when negative; what moves out of the window is lost.
Result<SeriesList> delay(Call& call) {
  auto series = call.take_series("seriesList");
  auto const steps = *call.integer("steps");
  for (auto& one : series) {
    auto& values = one.values;
    auto const size = static_cast<std::int64_t>(values.size());
    auto const by = static_cast<std::ptrdiff_t>(std::clamp(steps, -size, size));
    if (by >= 0) {
      std::move_backward(values.begin(), values.end() - by, values.end());
      std::fill(values.begin(), values.begin() + by, absent);
    } else {
      std::move(values.begin() - by, values.end(), values.begin());
      std::fill(values.end() + by, values.end(), absent);
    }
    one.tags["delay"] = std::to_string(steps);
    rename_call(one, "delay", "," + std::to_string(steps));
  }
  return series;
}

}  // namespace

std::vector<Function> hole_functions() {
  auto const limit =
      optional("limit", integer_or_infinity, std::numeric_limits<double>::infinity());
  auto changes = of_one_list("Transform", "changed", "1 where the value changes, else 0.", changed);
  changes.group = "Special";
  return {
      of_one_list("Transform", "keepLastValue",
                  "Fills holes of at most limit values by the last value before them.",
                  keep_last_value, {limit}),
      of_one_list("Transform", "interpolate",
                  "Draws a straight line over holes of at most limit values.", interpolate,
                  {limit}),
      of_one_list("Transform", "transformNull",
                  "Puts a value where there is none, with reference series only where one of "
                  "them has a value.",
                  transform_null,
                  {optional("default", real, std::int64_t{0}),
                   optional("referenceSeries", ParameterType::series_list)}),
      of_one_list("Transform", "isNonNull", "1 where there is a value, else 0.", is_non_null),
      of_one_list("Transform", "delay", "Shows each value so many steps later.", delay,
                  {required("steps", integer)}),
      changes,
  };
}

}  // namespace dadvisor::graphite::functions
