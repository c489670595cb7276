#include "graphite-bridge/events_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "graphite-bridge/json_text.hpp"

namespace dadvisor::graphite {
namespace {

std::vector<std::string> split_tags(std::string const& text) {
  std::vector<std::string> tags;
  for (std::size_t from = 0; from <= text.size();) {
    auto const end = std::min(text.find(' ', from), text.size());
    tags.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return tags;
}

Result<std::vector<Event>> with_any(std::vector<std::string> const& tags, Window const& window,
                                    SeriesSource const& source) {
  std::map<std::pair<std::int64_t, std::uint64_t>, Event> found;  // each once, by time
  for (auto const& tag : tags) {
    auto events = source.events({tag}, window);
    if (!events) return events.error();
    for (auto& event : *events) {
      std::pair const place(event.when, event.id);
      found.emplace(place, std::move(event));
    }
  }
  std::vector<Event> out;
  for (auto& [place, event] : found) out.push_back(std::move(event));
  return out;
}

void write_event(JsonText& json, Event const& event) {
  json.open_object();
  json.key("when");
  json.integer(event.when);
  json.key("what");
  json.string(event.what);
  json.key("data");
  json.string(event.data);
  json.key("tags");
  json.open_array();
  for (auto const& tag : event.tags) json.string(tag);
  json.close_array();
  json.key("id");
  json.integer(static_cast<std::int64_t>(event.id));
  json.close_object();
}

}  // namespace

Result<std::vector<Event>> find_events(Parameters const& parameters, std::int64_t now,
                                       SeriesSource const& source) {
  auto const zone = zone_of(parameters);
  auto const own_now = time_value(parameters, "now", now, zone);
  if (!own_now) return own_now.error();
  Window window;
  window.now = own_now->value_or(now);
  auto const from = time_value(parameters, "from", window.now, zone);
  if (!from) return from.error();
  auto const until = time_value(parameters, "until", window.now, zone);
  if (!until) return until.error();
  window.from = from->value_or(0);
  window.until = until->value_or(window.now);
  auto const given = last_value(parameters, "tags");
  if (!given) return source.events({}, window);
  auto const tags = split_tags(*given);
  if (last_value(parameters, "set") == "union") return with_any(tags, window, source);
  return source.events(tags, window);
}

Result<Answer> list_events(Parameters const& parameters, std::int64_t now,
                           SeriesSource const& source) {
  auto const events = find_events(parameters, now, source);
  if (!events) return events.error();
  JsonText json;
  json.open_array();
  for (auto const& event : *events) write_event(json, event);
  json.close_array();
  return Answer{"application/json", json.take()};
}

std::string event_detail(Event const& event, std::int64_t at_ns) {
  using namespace std::chrono;
  sys_time<nanoseconds> const at{nanoseconds(at_ns)};
  auto const day = floor<days>(at);
  year_month_day const date(day);
  hh_mm_ss const time(floor<microseconds>(at - day));
  auto when = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                          time.hours().count(), time.minutes().count(), time.seconds().count());
  // Milliseconds, cut, where there is any microsecond (DjangoJSONEncoder).
  if (auto const rest = time.subseconds(); rest.count() > 0)
    when += fmt::format(".{:03}", rest.count() / 1000);
  JsonText json;
  json.open_object();
  json.key("id");
  json.integer(static_cast<std::int64_t>(event.id));
  json.key("when");
  json.string(when + "Z");
  json.key("what");
  json.string(event.what);
  json.key("data");
  json.string(event.data);
  json.key("tags");
  json.open_array();
  for (auto const& tag : event.tags) json.string(tag);
  json.close_array();
  json.close_object();
  return json.take();
}

std::string event_json(Event const& event) {
  JsonText json;
  write_event(json, event);
  return json.take();
}

}  // namespace dadvisor::graphite
