#include "aggregator/notify/figures_context.hpp"

#include <catch2/catch.hpp>

#include "graphite-bridge/glob.hpp"
#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;

namespace {

constexpr std::int64_t now = 1795391820;

// Series of one value each over any window, by name; and one event of any tag.
class Source final : public graphite::SeriesSource {
 public:
  std::map<std::string, double> values;
  bool no_globs = false;
  mutable std::vector<std::string> tags;
  mutable graphite::Window events_window;

  Result<std::vector<graphite::Series>> fetch(std::string_view pattern,
                                              graphite::Window const& window) const override {
    if (no_globs && pattern.find('*') != std::string_view::npos)
      return Error{Errc::too_large, 0, "too many values"};
    auto const compiled = graphite::PathPattern::compile(pattern);
    std::vector<graphite::Series> out;
    for (auto const& [name, value] : values) {
      if (!compiled->matches(name)) continue;
      graphite::Series one;
      one.name = name;
      one.path_expression = pattern;
      one.step = 10;
      one.start = window.from - window.from % 10 + 10;
      one.end = window.until - window.until % 10 + 10;
      one.values.assign(static_cast<std::size_t>((one.end - one.start) / 10), value);
      out.push_back(std::move(one));
    }
    return out;
  }
  Result<std::vector<graphite::FoundNode>> find(std::string_view,
                                                graphite::Window const&) const override {
    return std::vector<graphite::FoundNode>{};
  }
  Result<std::vector<graphite::Event>> events(std::vector<std::string> const& asked,
                                              graphite::Window const& window) const override {
    tags = asked;
    events_window = window;
    std::vector<graphite::Event> out;
    for (std::int64_t i = 0; i < 15; ++i)
      out.push_back({static_cast<std::uint64_t>(i), now - 1500 + i * 100, "event", "", asked});
    return out;
  }
};

aggregator::alert::LabelMap labels_of(std::string const& path) {
  auto const at = path.find(".web.");
  if (at == std::string::npos) return {};
  return {{"host", "h"}, {"instance", path.substr(at + 5, 2)}};
}

Transition about(std::string const& expr, std::string const& condition) {
  auto notice = fired("01A");
  notice.expr = expr;
  notice.condition = condition;
  notice.tick = at(now);
  notice.state.began = at(now - 180);
  return notice;
}

std::vector<std::string> names(MessageContext const& context) {
  std::vector<std::string> out;
  for (auto const& one : context.worst) out.push_back(one.name);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the worst series are those furthest on the bad side") {
  Source source;
  for (int i = 10; i < 22; ++i)
    source.values["d.c.instances.web." + std::to_string(i) + ".mem"] = i % 2 == 0 ? i : -i;
  FiguresContext const figures(source, labels_of, Log("test", LogLevel::error));
  auto const high = figures.of(about("d.c.instances.web.*.mem", "> 5 for 1m, clear < 3"));
  CHECK(high.series == 12);
  CHECK(names(high) == Names{"h/20", "h/18", "h/16", "h/14", "h/12"});
  CHECK(high.worst[0].value == 20);
  CHECK(names(figures.of(about("d.c.instances.web.*.mem", "< 5"))) ==
        Names{"h/21", "h/19", "h/17", "h/15", "h/13"});
  CHECK(high.png.substr(1, 3) == "PNG");
  CHECK(high.until == now);
  CHECK(high.from == now - 180 - 3600);
}

TEST_CASE("an app's one series is told by its instances") {
  CHECK(instances_target("d.c.apps.web.sum.cpu.cores") == "d.c.instances.web.*.cpu.cores");
  CHECK(instances_target("d.c.apps.web.all.cpu.pct_limit") == "d.c.instances.web.*.cpu.pct_limit");
  CHECK(instances_target("d.c.hosts.h1.cpu.cores.x").empty());
  CHECK(instances_target("sumSeries(d.c.apps.web)").empty());
  Source source;
  source.values = {{"d.c.apps.web.sum.cpu.cores", 3},
                   {"d.c.instances.web.aa.cpu.cores", 1},
                   {"d.c.instances.web.bb.cpu.cores", 2}};
  FiguresContext const figures(source, labels_of, Log("test", LogLevel::error));
  auto const context = figures.of(about("d.c.apps.web.sum.cpu.cores", "> 2"));
  CHECK(context.series == 2);
  CHECK(names(context) == Names{"h/bb", "h/aa"});
}

TEST_CASE("events are those of the app in the hour before it began, the newest first") {
  Source source;
  FiguresContext const figures(source, labels_of, Log("test", LogLevel::error));
  auto notice = about("nothing", "> 2");
  notice.state.labels["app"] = "/shop/my cart";
  auto const context = figures.of(notice);
  CHECK(source.tags == Names{"app:/shop/my_cart"});
  CHECK(source.events_window.from == now - 180 - 3600);
  CHECK(source.events_window.until == now);
  REQUIRE(context.events.size() == most_events);
  CHECK(context.events.front().when == now - 100);
  CHECK(context.series == 0);
  notice.state.labels = {{"host", "h1"}};
  figures.of(notice);
  CHECK(source.tags == Names{"host:h1"});
}

TEST_CASE("of too many series the notice's own is shown") {
  Source source;
  source.no_globs = true;
  source.values = {{"d.c.instances.web.aa.mem", 7}, {"d.c.instances.web.bb.mem", 9}};
  FiguresContext const figures(source, labels_of, Log("test", LogLevel::error));
  auto notice = about("d.c.instances.web.*.mem", "> 5");
  notice.instance = "d.c.instances.web.aa.mem";
  auto const context = figures.of(notice);
  CHECK_FALSE(context.png.empty());
  CHECK(context.worst.empty());  // nobody knows what the others do
}

TEST_CASE("a rule that is gone or cannot be evaluated gives a mail without a picture") {
  Source source;
  FiguresContext const figures(source, labels_of, Log("test", LogLevel::error));
  CHECK(figures.of(about("", "")).png.empty());
  CHECK(figures.of(about("sumSeries(", "> 1")).png.empty());
}
