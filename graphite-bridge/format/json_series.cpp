#include "graphite-bridge/format/json_series.hpp"

#include <algorithm>
#include <cstdint>

#include "graphite-bridge/format/point_limit.hpp"
#include "graphite-bridge/json_text.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::size_t steps_a_json_point = 8;  // for QueryBudget::work()

void write_series(JsonText& json, Series const& series, bool no_null_points, QueryBudget* budget) {
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
  if (may_write(budget, json.size(), steps_a_json_point * series.tags.size()))
    json.points(series.values, series.start, series.step, !no_null_points, budget, series.whole);
  json.close_object();
}

}  // namespace

std::string to_json(SeriesList series, JsonOptions const& options, QueryBudget* budget) {
  if (options.max_data_points) limit_points(series, *options.max_data_points);
  JsonText json(options.pretty);
  json.open_array();
  for (auto const& one : series) {
    bool const all_absent = std::all_of(one.values.begin(), one.values.end(), is_absent);
    if (one.values.empty() || (options.no_null_points && all_absent)) continue;
    write_series(json, one, options.no_null_points, budget);
    if (budget && budget->over()) break;
  }
  json.close_array();
  return json.take();
}

std::string to_dygraph(SeriesList const& series, QueryBudget* budget) {
  JsonText json;
  json.open_object();
  if (!series.empty()) {
    json.key("labels");
    json.open_array();
    json.string("Time");
    for (auto const& one : series) json.string(one.name);
    json.close_array();
    json.key("data");
    json.open_array();
    auto const& first = series.front();
    for (std::size_t row = 0; row < first.values.size(); ++row) {
      if (!may_write(budget, json.size(), steps_a_json_point * series.size())) break;
      json.open_array();
      json.integer((first.start + static_cast<std::int64_t>(row) * first.step) * 1000);
      for (auto const& one : series)
        json.number(row < one.values.size() ? one.values[row] : absent, one.whole);
      json.close_array();
    }
    json.close_array();
  }
  json.close_object();
  return json.take();
}

std::string to_rickshaw(SeriesList const& series, bool pretty, QueryBudget* budget) {
  JsonText json(pretty);
  json.open_array();
  for (auto const& one : series) {
    if (!may_write(budget, json.size(), one.name.size())) break;
    json.open_object();
    json.key("target");
    json.string(one.name);
    json.key("datapoints");
    json.open_array();
    std::int64_t time = one.start;
    for (double const value : one.values) {
      if (!may_write(budget, json.size(), steps_a_json_point)) break;
      json.open_object();
      json.key("x");
      json.integer(time);
      json.key("y");
      json.number(value, one.whole);
      json.close_object();
      time += one.step;
    }
    json.close_array();
    json.close_object();
  }
  json.close_array();
  return json.take();
}

}  // namespace dadvisor::graphite
