// Of group Transform, the functions that give a series another step: summarize, smartSummarize,
// hitcount; and integralByInterval, which counts anew with every interval.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/calendar.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/time_spec.hpp"
#include "graphite-bridge/whole_numbers.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

// More buckets than this come from an interval that was meant otherwise.
constexpr std::int64_t max_buckets = 10'000'000;
// For makes_whole(): buckets are of more values or fewer.
constexpr std::size_t unlike_known = 0;

Result<std::int64_t> positive_interval(Call const& call, std::string_view parameter) {
  auto const seconds = parse_time_offset(call.text(parameter));
  if (!seconds) return call.error(seconds.error().context);
  if (*seconds <= 0) return call.error(std::string(parameter) + " must be more than 0 seconds");
  return *seconds;
}

// Charges the query for the buckets that [start, end) falls into; refuses what no answer can hold.
Result<void> charge_buckets(Call const& call, std::int64_t start, std::int64_t end,
                            std::int64_t interval) {
  auto const buckets = (end - start) / interval;
  if (buckets > max_buckets) return call.error("the interval is too short");
  if (auto const still = call.go_on(); !still) return still;
  // The series that they are made of is there already.
  return charge(call.window().budget, 0,
                static_cast<std::size_t>(std::max<std::int64_t>(buckets, 0)));
}

// One value for each `interval` from start up to the first bound that is not before end.
// A bucket needs its fraction of known points among those that fit in, by the series' own factor.
std::vector<double> buckets_of(Series const& series, Aggregation aggregation, std::int64_t interval,
                               std::int64_t start, std::int64_t end) {
  auto const span = std::max<std::int64_t>(series.end - series.start, 0);
  auto const stamps = static_cast<std::size_t>((span + series.step - 1) / series.step);
  std::size_t const points = std::min(stamps, series.values.size());
  auto const time_of = [&](std::size_t i) {
    return series.start + static_cast<std::int64_t>(i) * series.step;
  };
  double const room = static_cast<double>(interval) / static_cast<double>(series.step);
  std::vector<double> out;
  std::size_t next = 0;
  for (auto bucket = start; bucket < end; bucket += interval) {
    std::size_t const first = next;
    std::size_t known = 0;
    for (; next < points && time_of(next) < bucket + interval; ++next) {
      if (!is_absent(series.values[next])) ++known;
    }
    bool const enough = known > 0 && static_cast<double>(known) / room >= series.x_files_factor;
    out.push_back(
        enough ? aggregate(aggregation, std::span(series.values).subspan(first, next - first))
               : absent);
  }
  return out;
}

std::string quoted(std::string const& text) { return '"' + text + '"'; }

Result<SeriesList> summarize(Call& call) {
  auto const interval = positive_interval(call, "intervalString");
  if (!interval) return interval.error();
  auto series = call.take_series("seriesList");
  auto const shown = call.text("intervalString");
  auto const function = call.text("func");
  bool const from_start = call.flag("alignToFrom");
  for (auto& one : series) {
    auto start = one.start;
    auto end = one.end;
    if (!from_start) {
      start -= start % *interval;
      end += *interval - end % *interval;
    }
    if (auto const good = charge_buckets(call, start, end, *interval); !good) return good.error();
    auto const aggregation = *find_aggregation(function);
    one.values = buckets_of(one, aggregation, *interval, start, end);
    one.whole = makes_whole(aggregation, one.whole, unlike_known);
    one.start = start;
    one.end = from_start ? start + static_cast<std::int64_t>(one.values.size()) * *interval : end;
    one.step = *interval;
    one.tags["summarize"] = shown;
    one.tags["summarizeFunction"] = function;
    rename_call(one, "summarize",
                ", " + quoted(shown) + ", " + quoted(function) + (from_start ? ", true" : ""));
  }
  return series;
}

Result<SeriesList> smart_summarize(Call& call) {
  auto const interval = positive_interval(call, "intervalString");
  if (!interval) return interval.error();
  auto series = call.take_series("seriesList");
  auto const align_to = call.text("alignTo");
  // True and False are taken and mean nothing, as in graphite-web.
  if (!align_to.empty() && align_to != "True" && align_to != "False") {
    auto const unit = find_calendar_unit(align_to);
    if (!unit) return call.error("alignTo must be a unit of time such as 'hours'");
    auto window = call.window();
    window.from = begin_of(*unit, window.from, call.context().zone);
    auto earlier = call.evaluate_again("seriesList", window);
    if (!earlier) return earlier.error();
    series = std::move(*earlier);
  }
  auto const shown = call.text("intervalString");
  auto const function = call.text("func");
  for (auto& one : series) {
    auto const good = charge_buckets(call, one.start, one.end, *interval);
    if (!good) return good.error();
    auto const aggregation = *find_aggregation(function);
    one.values = buckets_of(one, aggregation, *interval, one.start, one.end);
    one.whole = makes_whole(aggregation, one.whole, unlike_known);
    one.step = *interval;
    one.end = one.start + static_cast<std::int64_t>(one.values.size()) * *interval;
    one.tags["smartSummarize"] = shown;
    one.tags["smartSummarizeFunction"] = function;
    rename_call(one, "smartSummarize", ", " + quoted(shown) + ", " + quoted(function));
  }
  return series;
}

// Each value is a rate that holds for a step; its seconds are shared out among the buckets that
// they lie in, the last of which ends with the series.
std::vector<double> hits(Series const& series, std::int64_t interval, std::int64_t start) {
  auto const count = (series.end - start) / interval;
  std::vector<double> out(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)), absent);
  auto const add = [&out](std::int64_t bucket, double value) {
    auto& total = out[static_cast<std::size_t>(bucket)];
    total = is_absent(total) ? value : total + value;
  };
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    double const value = series.values[i];
    if (is_absent(value)) continue;
    auto const from = series.start + static_cast<std::int64_t>(i) * series.step - start;
    auto const until = std::min(from + series.step, count * interval);
    for (auto at = from; at < until;) {
      auto const bucket = at / interval;
      auto const next = std::min(until, (bucket + 1) * interval);
      add(bucket, value * static_cast<double>(next - at));
      at = next;
    }
  }
  return out;
}

Result<SeriesList> hitcount(Call& call) {
  auto const interval = positive_interval(call, "intervalString");
  if (!interval) return interval.error();
  auto series = call.take_series("seriesList");
  bool const aligned = call.flag("alignToInterval");
  if (aligned) {
    auto window = call.window();
    std::optional<CalendarUnit> unit;
    if (*interval >= 60) unit = CalendarUnit::minute;
    if (*interval >= 3600) unit = CalendarUnit::hour;
    if (*interval >= 86400) unit = CalendarUnit::day;
    if (unit) window.from = begin_of(*unit, window.from, call.context().zone);
    auto earlier = call.evaluate_again("seriesList", window);
    if (!earlier) return earlier.error();
    series = std::move(*earlier);
  }
  auto const shown = call.text("intervalString");
  for (auto& one : series) {
    auto const good = charge_buckets(call, one.start, one.end, *interval);
    if (!good) return good.error();
    auto const span = one.end - one.start;
    if (aligned) one.end = one.start + (span / *interval + 1) * *interval;
    auto const count = (one.end - one.start + *interval - 1) / *interval;
    auto const start = one.end - count * *interval;
    one.values = hits(one, *interval, start);
    one.start = start;
    one.step = *interval;
    one.tags["hitcount"] = shown;
    rename_call(one, "hitcount", ", " + quoted(shown) + (aligned ? ", true" : ""));
  }
  return series;
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// Intervals are counted from the window's beginning; an absent value adds nothing.
Result<SeriesList> integral_by_interval(Call& call) {
  auto const shown = call.text("intervalUnit");
  auto const interval = parse_time_offset(shown);
  if (!interval) return call.error(interval.error().context);
  if (*interval == 0) return call.error("intervalUnit must not be 0 seconds");
  auto const length = std::abs(*interval);
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    double total = 0;
    auto time = one.start - call.window().from;
    for (auto& value : one.values) {
      if (floor_divide(time, length) != floor_divide(time - one.step, length)) total = 0;
      if (!is_absent(value)) total += value;
      value = total;
      time += one.step;
    }
    one.tags["integralByInterval"] = shown;
    rename_call(one, "integralByInterval", ",'" + shown + "'");
  }
  return series;
}

Parameter interval_parameter() {
  auto out = required("intervalString", interval);
  for (char const* one : {"10min", "1h", "1d"}) out.suggestions.emplace_back(std::string(one));
  return out;
}

}  // namespace

std::vector<Function> summarize_functions() {
  auto const func = optional("func", aggregation, std::string("sum"));
  auto align_to = optional("alignTo", text);
  align_to.options = {false, std::monostate(), true};
  for (char const* unit : {"days", "hours", "minutes", "months", "seconds", "weeks", "years"}) {
    align_to.options.emplace_back(std::string(unit));
  }
  align_to.takes_others = true;  // "weeks3": a week that begins on a Wednesday
  return {
      {.name = "summarize",
       .group = "Transform",
       .description = "One value for each interval, made of the values in it; intervals begin at "
                      "multiples of themselves, with alignToFrom where the series does.",
       .parameters = {one_list(), interval_parameter(), func,
                      optional("alignToFrom", boolean, false)},
       .implementation = summarize},
      {.name = "smartSummarize",
       .group = "Transform",
       .description = "One value for each interval from the beginning of the window on, which "
                      "alignTo moves back to the beginning of an hour, a day, ...",
       .parameters = {one_list(), interval_parameter(), func, align_to},
       .implementation = smart_summarize},
      {.name = "hitcount",
       .group = "Transform",
       .description = "How often something happened in each interval, of series that tell how "
                      "often it does per second.",
       .parameters = {one_list(), interval_parameter(),
                      optional("alignToInterval", boolean, false)},
       .implementation = hitcount},
      {.name = "integralByInterval",
       .group = "Transform",
       .description = "The sum of all values up to each, beginning anew with every interval.",
       .parameters = {one_list(), required("intervalUnit", text)},
       .implementation = integral_by_interval},
  };
}

}  // namespace dadvisor::graphite::functions
