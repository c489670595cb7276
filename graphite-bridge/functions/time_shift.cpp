// Of group Transform, the functions that show another time than the window's: timeShift,
// timeStack, timeSlice.

#include <algorithm>
#include <utility>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/character.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// Each is one evaluation more.
constexpr std::int64_t max_stacked_shifts = 366;
// Beyond this no time is meant.
constexpr std::int64_t max_shift = 100LL * 365 * 86400;

// "1d" is a day back, as "-1d" is.
std::string signed_shift(std::string text) {
  return !text.empty() && is_digit(text[0]) ? '-' + text : text;
}

Result<std::int64_t> shift_seconds(Call const& call, std::string const& shift) {
  auto const seconds = parse_time_offset(shift);
  if (!seconds) return call.error(seconds.error().context);
  if (*seconds > max_shift || *seconds < -max_shift) return call.error("the shift is too far");
  return *seconds;
}

Window shifted(Window window, std::int64_t seconds) {
  window.from += seconds;
  window.until += seconds;
  return window;
}

// An hour more or less when the clocks of the one window are in summer time, those of the other
// not: with it, noon is over noon.
std::int64_t clock_change(Window const& window, Window const& other, TimeZone const& zone) {
  auto const change = zone.offset_at(window.from) - zone.offset_at(other.from);
  return change == zone.offset_at(window.until) - zone.offset_at(other.until) ? change : 0;
}

Result<SeriesList> time_shift(Call& call) {
  auto const original = call.take_series("seriesList");
  auto const shift = signed_shift(call.text("timeShift"));
  auto const seconds = shift_seconds(call, shift);
  if (!seconds) return seconds.error();
  if (original.empty()) return SeriesList{};
  auto window = shifted(call.window(), *seconds);
  if (call.flag("alignDst")) {
    window = shifted(window, clock_change(call.window(), window, call.context().zone));
  }
  auto series = call.evaluate_again("seriesList", window);
  if (!series) return series.error();
  bool const reset_end = call.flag("resetEnd");
  for (auto& one : *series) {
    one.end = reset_end ? original.front().end : one.end - one.start + original.front().start;
    one.start = original.front().start;
    one.tags["timeShift"] = shift;
    one.name = "timeShift(" + one.name + ", \"" + shift + "\")";
  }
  return series;
}

Result<SeriesList> time_stack(Call& call) {
  auto const original = call.take_series("seriesList");
  auto const unit = signed_shift(call.text("timeShiftUnit"));
  auto const seconds = shift_seconds(call, unit);
  if (!seconds) return seconds.error();
  auto const first = *call.integer("timeShiftStart");
  auto const end = *call.integer("timeShiftEnd");
  constexpr auto bound = std::int64_t{1} << 20;
  if (first < -bound || end > bound || end - first > max_stacked_shifts) {
    return call.error("at most " + std::to_string(max_stacked_shifts) + " shifts can be stacked");
  }
  SeriesList out;
  if (original.empty()) return out;
  for (auto shift = first; shift < end; ++shift) {
    auto series = call.evaluate_again("seriesList", shifted(call.window(), *seconds * shift));
    if (!series) return series.error();
    for (auto& one : *series) {
      one.start = original.front().start;
      one.end = original.front().end;
      one.tags["timeShiftUnit"] = unit;
      one.tags["timeShift"] = std::to_string(shift);
      rename_call(one, "timeShift", ", " + unit + ", " + std::to_string(shift));
      out.push_back(std::move(one));
    }
  }
  return out;
}

// Graphite's oddity is kept: the first value counts as that of `from`, so all lie a step too early.
Result<SeriesList> time_slice(Call& call) {
  auto const& window = call.window();
  auto const& zone = call.context().zone;
  auto const start = parse_time(call.text("startSliceAt"), window.now, zone);
  if (!start) return call.error(start.error().context);
  auto const end = parse_time(call.text("endSliceAt"), window.now, zone);
  if (!end) return call.error(end.error().context);
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    auto time = window.from;
    for (auto& value : one.values) {
      if (time < *start || time > *end) value = absent;
      time += one.step;
    }
    one.tags["timeSliceStart"] = std::to_string(*start);
    one.tags["timeSliceEnd"] = std::to_string(*end);
    one.name =
        "timeSlice(" + one.name + ", " + std::to_string(*start) + ", " + std::to_string(*end) + ")";
  }
  return series;
}

Parameter shift_parameter(std::string name) {
  auto out = required(std::move(name), interval);
  for (char const* one : {"1h", "6h", "12h", "1d", "2d", "7d", "14d", "30d"}) {
    out.suggestions.emplace_back(std::string(one));
  }
  return out;
}

}  // namespace

std::vector<Function> time_functions() {
  auto unit = shift_parameter("timeShiftUnit");
  unit.required = false;
  unit.fallback = std::string("1d");
  return {
      {.name = "timeShift",
       .group = "Transform",
       .description = "The series of another time, drawn over the window: an interval back, with "
                      "'+' forward. resetEnd: ends with the window; alignDst: noon over noon.",
       .parameters = {one_list(), shift_parameter("timeShift"), optional("resetEnd", boolean, true),
                      optional("alignDst", boolean, false)},
       .implementation = time_shift},
      {.name = "timeStack",
       .group = "Transform",
       .description = "The series once for each shift from timeShiftStart to before timeShiftEnd, "
                      "so many times the unit back.",
       .parameters = {one_list(), unit, optional("timeShiftStart", integer, std::int64_t{0}),
                      optional("timeShiftEnd", integer, std::int64_t{7})},
       .implementation = time_stack},
      {.name = "timeSlice",
       .group = "Transform",
       .description = "Keeps the values between two times, all others are absent.",
       .parameters = {one_list(), required("startSliceAt", date),
                      optional("endSliceAt", date, std::string("now"))},
       .implementation = time_slice},
  };
}

}  // namespace dadvisor::graphite::functions
