#include "graphite-bridge/events_query.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

// A source of three events and no series.
class Happened final : public SeriesSource {
 public:
  Result<std::vector<Series>> fetch(std::string_view, Window const&) const override {
    return std::vector<Series>();
  }
  Result<std::vector<FoundNode>> find(std::string_view, Window const&) const override {
    return std::vector<FoundNode>();
  }
  Result<std::vector<Event>> events(std::vector<std::string> const& tags,
                                    Window const& window) const override {
    static std::vector<Event> const all = {{2, 100, "web started", "", {"start", "app:web"}},
                                           {1, 200, "db \"x\" ended", "why", {"exit", "app:db"}},
                                           {3, 300, "web ended", "", {"exit", "app:web"}}};
    std::vector<Event> out;
    for (auto const& event : all) {
      bool const tagged = std::ranges::all_of(tags, [&](std::string const& tag) {
        return std::ranges::find(event.tags, tag) != event.tags.end();
      });
      if (tagged && event.when >= window.from && event.when <= window.until) out.push_back(event);
    }
    return out;
  }
};

std::string ids(Parameters const& parameters) {
  auto const found = find_events(parameters, 1000, Happened());
  if (!found) return found.error().context;
  std::string text;
  for (auto const& event : *found) text += std::to_string(event.id);
  return text;
}

}  // namespace

TEST_CASE("events are answered as graphite-web writes them") {
  // json.dumps of Event.as_dict(): when, what, data, tags, id in this order.
  CHECK(list_events({{"from", "150"}, {"until", "250"}}, 1000, Happened())->body ==
        "[{\"when\": 200, \"what\": \"db \\\"x\\\" ended\", \"data\": \"why\", "
        "\"tags\": [\"exit\", \"app:db\"], \"id\": 1}]");
  CHECK(list_events({{"from", "400"}}, 1000, Happened())->body == "[]");
  CHECK(list_events({{"jsonp", "f"}}, 50, Happened())->body == "[]");  // off
}

TEST_CASE("times and sets of tags choose among events") {
  CHECK(ids({}) == "213");
  CHECK(ids({{"until", "-800s"}}) == "21");
  CHECK(ids({{"from", "200"}, {"until", "300"}}) == "13");
  CHECK(ids({{"tags", "app:web"}}) == "23");
  CHECK(ids({{"tags", "exit app:web"}}) == "3");
  CHECK(ids({{"tags", "exit app:web"}, {"set", "intersection"}}) == "3");
  CHECK(ids({{"tags", "exit app:web"}, {"set", "union"}}) == "213");
  CHECK(ids({{"tags", "none app:db"}, {"set", "union"}}) == "1");
  CHECK(ids({{"tags", ""}}).empty());
  CHECK(ids({{"from", "no time"}}).find("from") != std::string::npos);
}
