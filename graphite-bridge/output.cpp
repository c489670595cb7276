#include "graphite-bridge/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/json_text.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

void limit_points(Series& series, std::size_t max_data_points, std::int64_t range) {
  std::size_t per_point = series.values.size();
  if (max_data_points > 1) {
    double const points = static_cast<double>(range) / static_cast<double>(series.step);
    if (static_cast<double>(max_data_points) >= points) return;
    per_point = static_cast<std::size_t>(std::ceil(points / static_cast<double>(max_data_points)));
    auto const point_seconds = static_cast<std::int64_t>(per_point) * series.step;
    auto const behind = [&](std::int64_t step) {  // how far start lies behind a multiple of step
      return ((series.start % step) + step) % step;
    };
    std::int64_t const nudge = point_seconds + behind(series.step) - behind(point_seconds);
    series.start += nudge;
    auto const lost = static_cast<std::size_t>(std::max<std::int64_t>(nudge / series.step - 1, 0));
    // A series much shorter than the others keeps its last value at least.
    auto const room = series.values.size() - 1;
    series.values.erase(series.values.begin(),
                        series.values.begin() + static_cast<std::ptrdiff_t>(std::min(lost, room)));
  }
  series.values =
      consolidate(series.values, per_point, series.consolidation, series.x_files_factor);
  series.step *= static_cast<std::int64_t>(std::max<std::size_t>(per_point, 1));
  auto const span = std::max<std::int64_t>(series.end - series.start, 0);
  auto const shown = static_cast<std::size_t>(span / series.step) + 1;
  if (series.values.size() > shown) series.values.resize(shown);
}

bool is_csv_plain(std::string_view text) {
  return text.find_first_of(",\"\r\n") == std::string_view::npos;
}

void append_csv_field(std::string& out, std::string_view text) {
  if (is_csv_plain(text)) {
    out += text;
    return;
  }
  out += '"';
  for (char const c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_time(std::string& out, std::int64_t local_seconds) {
  using namespace std::chrono;
  sys_seconds const time{seconds(local_seconds)};
  auto const day = floor<days>(time);
  year_month_day const date(day);
  hh_mm_ss const clock(time - day);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count());
}

void write_series(JsonText& json, Series const& series, bool no_null_points) {
  json.open_object();
  json.key("target");
  json.string(series.name);
  json.key("tags");
  json.open_object();
  for (auto const& [tag, value] : series.tags) {
    json.key(tag);
    json.string(value);
  }
  json.close_object();
  json.key("datapoints");
  json.open_array();
  std::int64_t time = series.start;
  for (double const value : series.values) {
    if (!no_null_points || !is_absent(value)) {
      json.open_array();
      json.number(value);
      json.integer(time);
      json.close_array();
    }
    time += series.step;
  }
  json.close_array();
  json.close_object();
}

}  // namespace

void limit_points(SeriesList& series, std::size_t max_data_points) {
  if (series.empty() || max_data_points == 0) return;
  std::int64_t start = series.front().start;
  std::int64_t end = series.front().end;
  for (auto const& one : series) {
    start = std::min(start, one.start);
    end = std::max(end, one.end);
  }
  for (auto& one : series) {
    if (!one.values.empty()) limit_points(one, max_data_points, end - start);
  }
}

std::string to_json(SeriesList series, JsonOptions const& options) {
  if (options.max_data_points) limit_points(series, *options.max_data_points);
  JsonText json(options.pretty);
  json.open_array();
  for (auto const& one : series) {
    bool const all_absent = std::all_of(one.values.begin(), one.values.end(), is_absent);
    if (one.values.empty() || (options.no_null_points && all_absent)) continue;
    write_series(json, one, options.no_null_points);
  }
  json.close_array();
  return json.take();
}

std::string to_csv(SeriesList const& series, TimeZone const& zone) {
  std::string out;
  for (auto const& one : series) {
    std::int64_t time = one.start;
    for (double const value : one.values) {
      append_csv_field(out, one.name);
      out += ',';
      append_time(out, time + zone.offset_at(time));
      out += ',';
      if (!is_absent(value)) append_repr(out, value);
      out += "\r\n";
      time += one.step;
    }
  }
  return out;
}

std::string to_raw(SeriesList const& series) {
  std::string out;
  for (auto const& one : series) {
    fmt::format_to(std::back_inserter(out), "{},{},{},{}|", one.name, one.start, one.end, one.step);
    bool first = true;
    for (double const value : one.values) {
      if (!std::exchange(first, false)) out += ',';
      if (is_absent(value)) {
        out += "None";
      } else {
        append_repr(out, value);
      }
    }
    out += '\n';
  }
  return out;
}

}  // namespace dadvisor::graphite
