#include "query_targets.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "graphite-bridge/carbonapi.hpp"
#include "graphite-bridge/evaluate.hpp"
#include "graphite-bridge/events_query.hpp"
#include "graphite-bridge/format/json_series.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/posted_event.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/render.hpp"
#include "graphite-bridge/tag_query.hpp"
#include "graphite-bridge/time_spec.hpp"
#include "graphite-bridge/time_zone.hpp"
#include "must.hpp"

namespace dadvisor::fuzz {
namespace {

using namespace graphite;

constexpr std::int64_t now = 1'480'294'800;   // 2016-11-28 01:00 UTC
constexpr std::int64_t most_values = 20'000;  // of one fetch

// Six series of values that are gaps, equal, falling and large in turn.
class Source final : public SeriesSource {
 public:
  Result<std::vector<Series>> fetch(std::string_view pattern, Window const& window) const override {
    auto const compiled = PathPattern::compile(pattern);
    if (!compiled) return compiled.error();
    std::vector<Series> out;
    for (auto const* path : paths)
      if (compiled->matches(path)) {
        auto made = made_series(path, window);
        if (!made) return made.error();
        auto const charged = charge(window.budget, 1, made->values.size());
        if (!charged) return charged.error();
        out.push_back(std::move(*made));
        out.back().path_expression = pattern;
      }
    return out;
  }
  Result<std::vector<FoundNode>> find(std::string_view pattern, Window const&) const override {
    auto const compiled = PathPattern::compile(pattern);
    if (!compiled) return compiled.error();
    std::vector<FoundNode> out;
    for (auto const* path : paths)
      if (compiled->matches(path)) out.push_back({path, true});
    return out;
  }
  Result<std::vector<Series>> fetch_tagged(std::vector<std::string> const& expressions,
                                           Window const& window) const override {
    auto const query = parse_tag_query(expressions);
    if (!query) return query.error();
    std::vector<Series> out;
    for (auto const* dc : {"bj", "sh"}) {
      std::map<std::string, std::string> const tags{{"name", "t"}, {"dc", dc}};
      if (!query->matches(tags)) continue;
      auto made = made_series(std::string("t;dc=") + dc, window);
      if (!made) return made.error();
      auto const charged = charge(window.budget, 1, made->values.size());
      if (!charged) return charged.error();
      out.push_back(std::move(*made));
      out.back().tags = tags;
    }
    return out;
  }

 private:
  static constexpr char const* paths[] = {"a.b", "a.c", "a.d.e", "b.b", "x", "y.10"};

  static Result<Series> made_series(std::string const& path, Window const& window) {
    Series out;
    out.name = path;
    out.tags["name"] = path;
    out.step = path.size() % 2 == 0 ? 60 : 10;
    if (window.until - window.from > most_values * out.step || window.from < -now)
      return Error{Errc::too_large, 0, "too many values"};
    out.start = window.from - window.from % out.step + out.step;
    auto const count = std::max<std::int64_t>(1, (window.until - window.from) / out.step);
    for (std::int64_t i = 0; i < count; ++i) {
      auto const turn = static_cast<double>(i % 7);
      out.values.push_back(i % 5 == 3 ? absent : i % 11 == 4 ? turn * 1e300 : 3 - turn);
    }
    out.end = out.start + count * out.step;
    return out;
  }
};

// With the fuzzer's own bounds of memory and time, which are not far above: what a query takes that
// nobody charges for is found.
QueryLimits const limits{
    .series = 1000, .points = 1'000'000, .memory = 64 << 20, .time = std::chrono::seconds(2)};

void check(SeriesList const& series) {
  for (auto const& one : series) {
    must(!one.values.empty(), "no series is without values");
    must(one.step > 0, "a step is positive");
  }
}

}  // namespace

void take_target(std::string_view bytes) {
  Source const source;
  SystemClock const clock;
  QueryBudget budget(limits, clock);
  Window const window{now - 3600, now, now, {}, &budget};
  auto series = evaluate(bytes, window, source);
  if (!series) {
    must(series.error().context.find('\n') == std::string::npos, "an error is one line");
    return;
  }
  check(*series);
  JsonOptions options;
  options.max_data_points = 1 + bytes.size() % 100;
  must(to_json(std::move(*series), options).starts_with('['), "what is evaluated can be written");
}

void take_time(std::string_view bytes) {
  auto const end = std::min(bytes.find('\n'), bytes.size());
  auto const rest = bytes.substr(std::min(end + 1, bytes.size()));
  auto const zone = TimeZone::load(std::string(rest)).value_or(TimeZone::utc());
  auto const text = bytes.substr(0, end);
  static_cast<void>(parse_time(text, now, zone));
  static_cast<void>(parse_time_offset(text));
}

void take_glob(std::string_view bytes) {
  auto const end = std::min(bytes.find('\n'), bytes.size());
  auto const pattern = bytes.substr(0, end);
  auto const compiled = PathPattern::compile(pattern);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  if (!compiled) return;
  must(compiled->nodes().size() == split_nodes(pattern).size(), "as many nodes as are written");
  if (!has_wildcard(pattern) && pattern.find_first_of("{\\") == std::string_view::npos)
    must(compiled->matches(pattern), "a plain path matches itself");
  while (!bytes.empty()) {
    auto const line = bytes.substr(0, std::min(bytes.find('\n'), bytes.size()));
    if (compiled->matches(line))
      must(split_nodes(line).size() == compiled->nodes().size(), "what matches has as many nodes");
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
  }
}

// Small ones: what is drawn is looked at elsewhere, here it must only come to an end.
void take_picture(std::string_view bytes) {
  Parameters parameters{{"target", "a.*"}, {"from", "-1h"}};
  while (!bytes.empty()) {
    auto const line = bytes.substr(0, std::min(bytes.find('\n'), bytes.size()));
    auto const equals = std::min(line.find('='), line.size());
    parameters.emplace(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
  }
  auto request = RenderParameters::parse(parameters, now);
  must(request || !request.error().context.empty(), "a request, or what is wrong");
  if (!request || request->format < RenderFormat::png) return;
  request->picture.width = std::min(request->picture.width, 300);
  request->picture.height = std::min(request->picture.height, 200);
  request->picture.scale = std::min(request->picture.scale, 1.0);
  auto const answer = render(*request, Source());
  must(answer ? !answer->body.empty() : !answer.error().context.empty(), "a picture, or why not");
}

void take_posted_event(std::string_view bytes) {
  auto const event = parse_posted_event(bytes);
  if (!event) return must(!event.error().context.empty(), "what is wrong");
  must(!event->what.empty(), "an event tells something");
  for (auto const& tag : event->tags)
    must(!tag.empty() && tag.find_first_of(" \t\r\n") == tag.npos, "tags are words");
  must(event_detail({1, 0, event->what, event->data, event->tags}, event->when_ns.value_or(0))
           .starts_with("{\"id\": 1, \"when\": \""),
       "what is kept can be shown");
}

void take_carbonapi(std::string_view bytes) {
  Source const source;
  for (auto const ask : {render_for_carbonapi, find_for_carbonapi}) {
    SystemClock const clock;
    QueryBudget budget(limits, clock);
    auto const answer = ask(bytes, {{"target", "a.*"}, {"query", "a.*"}}, now, source, &budget);
    must(answer || !answer.error().context.empty(), "an answer, or what is wrong");
  }
}

}  // namespace dadvisor::fuzz
