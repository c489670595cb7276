#include "aggregator/alert/engine.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "aggregator/alert/held_source.hpp"
#include "rules_for_test.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::alert;
using namespace dadvisor::aggregator::alert::test;

namespace {

struct World {
  TemporaryDirectory directory;
  MemorySource source;
  dadvisor::test::HandClock const clock{WallTime{}};
  std::vector<Transition> told;
  std::size_t calls = 0;
  bool outbox_full = false;
  std::vector<Rule> rules = {rule("a.*.x")};
  AlertOptions options;
  AlertSeams seams;
  std::unique_ptr<AlertEngine> engine;

  World() {
    options.directory = directory.path() + "/alert";
    seams.source = &source;
    seams.labels_of = [](std::string const& path) -> LabelMap {
      if (path.rfind("a.", 0) != 0) return {};
      return {{"app", "app-" + path.substr(2, 1)}, {"owner", "pay"}, {"host", "h1"}};
    };
    seams.deliver = [this](std::vector<Transition> const& notices) -> Result<void> {
      ++calls;
      if (outbox_full) return Error{Errc::unavailable, 0, "full"};
      told.insert(told.end(), notices.begin(), notices.end());
      return {};
    };
  }
  void open() {
    auto opened = AlertEngine::open(options, rules, seams, clock, Log("test", LogLevel::error));
    REQUIRE(opened);
    engine = std::move(*opened);
  }
  void values(std::string const& path, std::int64_t from, std::vector<double> const& all) {
    for (double const value : all) {
      source.points[path][from] = value;
      from += 10;
    }
  }
  void ready(std::int64_t from, std::int64_t until) {
    for (; from <= until; from += 10) REQUIRE(engine->on_ready(at(from)));
  }
};

}  // namespace

TEST_CASE("a notice carries labels, title, value and receivers") {
  World world;
  world.rules[0].labels["team"] = "payments";
  world.rules[0].title = "{{app}} {{level}} {{value}} {{team}}";
  world.values("a.1.x", 1000, {95, 95, 95, 96.5});
  world.values("a.2.x", 1000, {10, 10, 10, 10});
  world.open();
  world.ready(1000, 1030);
  REQUIRE(world.told.size() == 1);
  auto const& notice = world.told[0];
  CHECK(notice.rule == "r1");
  CHECK(notice.instance == "a.1.x");
  CHECK(notice.state.labels ==
        LabelMap{{"app", "app-1"}, {"host", "h1"}, {"owner", "pay"}, {"team", "payments"}});
  CHECK(notice.state.title == "app-1 crit 96.5 payments");
  CHECK(notice.state.value == 96.5);
  CHECK(notice.notify == std::vector<std::string>{"owner"});
  CHECK(notice.expr == "a.*.x");
  auto const counters = world.engine->counters();
  CHECK(counters.instances == 2);
  CHECK(counters.firing == 1);
  CHECK(counters.ticks == 4);
  auto const views = world.engine->instances();
  REQUIRE(views.size() == 1);
  CHECK(views[0].instance == "a.1.x");
}

TEST_CASE("an alert on a sum belongs to the app that all its parts agree in") {
  World world;
  world.rules = {rule("alias(sumSeries(a.1.*), \"all of it\")"),
                 rule("alias(sumSeries(a.*.x), \"all\")")};
  world.rules[1].id = "r2";
  for (auto& r : world.rules) r.crit->hold = seconds(0);
  world.values("a.1.x", 1000, {95});
  world.values("a.1.y", 1000, {5});
  world.values("a.2.x", 1000, {5});
  world.open();
  world.ready(1000, 1000);
  REQUIRE(world.told.size() == 2);
  CHECK(world.told[0].state.value == 100);
  CHECK(world.told[0].state.labels.at("app") == "app-1");
  CHECK(world.told[1].state.labels == LabelMap{{"host", "h1"}, {"owner", "pay"}});
}

TEST_CASE("up to two missing steps are held, then the value is absent") {
  graphite::Series s = series(
      "s", 1050, {1, graphite::absent, graphite::absent, graphite::absent, 5, graphite::absent});
  hold_values(s, 2);
  CHECK(s.values[1] == 1);
  CHECK(s.values[2] == 1);
  CHECK(graphite::is_absent(s.values[3]));
  CHECK(s.values[5] == 5);
  auto leading = series("s", 1010, {graphite::absent, 2});
  hold_values(leading, 2);
  CHECK(graphite::is_absent(leading.values[0]));

  World world;
  world.rules[0].no_data.after = seconds(20);
  world.values("a.1.x", 1000, {10});
  world.open();
  world.ready(1000, 1030);  // held at 1010 and 1020, absent at 1030
  CHECK(world.told.empty());
  world.ready(1040, 1040);
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].state.status == Status::nodata);
  CHECK(world.told[0].tick == at(1040));
}

TEST_CASE("state, `for` clocks and incidents are kept over a restart") {
  World world;
  world.values("a.1.x", 1000, {95, 95, 95, 95, 95, 50, 50});
  world.open();
  world.ready(1000, 1020);  // PENDING since 1000
  world.engine.reset();
  world.open();
  world.ready(1030, 1030);
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].state.began == at(1000));
  auto const incident = world.told[0].state.incident;
  world.engine.reset();
  world.open();  // hands on again what may not have been taken
  world.ready(1040, 1050);
  REQUIRE(world.told.back().state.status == Status::resolved);
  CHECK(world.told.back().state.incident == incident);
  CHECK(world.told.back().state.sequence == 2);
  CHECK(world.told.back().state.title == "CPU of app-1");
}

TEST_CASE("ticks missed while away are evaluated in order, states already left are not told") {
  World world;
  world.values("a.1.x", 1000, std::vector<double>(30, 10));
  world.open();
  world.ready(1000, 1000);
  world.engine.reset();
  world.values("a.1.x", 1050, {95, 95, 95, 95, 95});  // fires at 1080, good again at 1100
  world.values("a.2.x", 1010, std::vector<double>(40, 95));
  world.open();
  REQUIRE(world.engine->on_ready(at(1200)));
  CHECK(world.engine->counters().ticks == 20);
  CHECK(world.engine->counters().folded_notices == 1);
  REQUIRE(world.told.size() == 2);  // one of each incident, in one call
  CHECK(world.told[0].instance == "a.2.x");
  CHECK(world.told[0].tick == at(1040));
  CHECK(world.told[1].instance == "a.1.x");
  CHECK(world.told[1].state.status == Status::resolved);
  CHECK(world.told[1].tick == at(1100));
  CHECK(world.calls == 1);
}

TEST_CASE("a pause longer than catch_up skips ticks and counts them") {
  World world;
  world.options.catch_up = seconds(100);
  world.values("a.1.x", 1000, {10});
  world.open();
  world.ready(1000, 1000);
  REQUIRE(world.engine->on_ready(at(2000)));
  CHECK(world.engine->counters().skipped_ticks == 89);
  CHECK(world.engine->counters().ticks == 12);
}

TEST_CASE("no-data clocks do not run while the aggregator was away") {
  World world;
  world.values("a.1.x", 1000, {10});
  world.rules[0].no_data.after = seconds(60);
  world.options.held_steps = 0;
  world.open();
  world.ready(1000, 1050);  // absent for 50 s
  world.engine.reset();
  world.open();
  world.ready(1060, 1100);
  CHECK(world.told.empty());
  world.ready(1110, 1110);
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].state.status == Status::nodata);
}

TEST_CASE("a tick is evaluated once, however often it is announced") {
  World world;
  world.values("a.1.x", 1000, {95, 95, 95, 95});
  world.open();
  world.ready(1000, 1030);
  world.ready(1000, 1030);
  CHECK(world.told.size() == 1);
  CHECK(world.engine->counters().ticks == 4);
}

TEST_CASE("a restart with another step goes on with its next tick") {
  World world;
  world.options.step = seconds(1);
  world.values("a.1.x", 1000, {10});
  world.open();
  world.ready(1000, 1000);
  REQUIRE(world.engine->on_ready(at(1005)));
  CHECK(world.engine->counters().ticks == 6);
  world.engine.reset();
  world.options.step = seconds(10);
  world.open();
  REQUIRE(world.engine->on_ready(at(1025)));  // 1010 and 1020
  CHECK(world.engine->counters().ticks == 2);
  CHECK(world.engine->counters().last_tick == at(1020));
}

TEST_CASE("nothing is told before the journal has it") {
  World world;
  world.options.checkpoint_every = seconds(10);  // each tick begins a file
  world.values("a.1.x", 1000, {95, 95, 95, 95, 95, 95});
  world.open();
  world.ready(1000, 1020);
  std::filesystem::remove_all(world.options.directory);
  CHECK_FALSE(world.engine->on_ready(at(1030)));
  CHECK(world.told.empty());
  CHECK(world.engine->counters().journal_failures == 1);
  std::filesystem::create_directories(world.options.directory);
  world.ready(1040, 1040);
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].tick == at(1030));
}

TEST_CASE("notices that the outbox refuses come again, also after a restart") {
  World world;
  world.values("a.1.x", 1000, {95, 95, 95, 95, 95, 95});
  world.open();
  world.outbox_full = true;
  world.ready(1000, 1020);
  CHECK_FALSE(world.engine->on_ready(at(1030)));
  CHECK(world.engine->counters().deliver_failures == 1);
  SECTION("in this process") {}
  SECTION("in the next one") {
    world.engine.reset();
    world.outbox_full = false;
    world.open();
    REQUIRE(world.told.size() == 1);
  }
  world.outbox_full = false;
  world.ready(1040, 1050);
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].state.sequence == 1);
}

TEST_CASE("a rule taken away resolves its incidents") {
  World world;
  world.values("a.1.x", 1000, std::vector<double>(10, 95));
  world.open();
  world.ready(1000, 1030);
  world.engine->replace_rules({});
  world.ready(1040, 1040);
  REQUIRE(world.told.size() == 2);
  CHECK(world.told[1].reason == Reason::rule_removed);
  CHECK(world.told[1].state.incident == world.told[0].state.incident);
  CHECK(world.told[1].state.title == "CPU of app-1");
  world.engine.reset();
  world.rules.clear();
  world.open();
  CHECK(world.engine->counters().instances == 0);
}

TEST_CASE("what a changed target no longer has is no missing data") {
  World world;
  world.values("a.1.x", 1000, std::vector<double>(60, 95));  // fires
  world.values("a.2.x", 1000, std::vector<double>(60, 5));
  world.values("b.1.x", 1000, std::vector<double>(60, 95));
  world.open();
  world.ready(1000, 1030);
  REQUIRE(world.told.size() == 1);
  world.engine->replace_rules({rule("*.1.x")});  // a.1 stays, a.2 goes without a word
  world.ready(1040, 1300);
  REQUIRE(world.told.size() == 2);
  CHECK(world.told[1].instance == "b.1.x");
  CHECK(world.told[1].state.status == Status::firing);
  world.engine->replace_rules({rule("b.*.x")});
  world.ready(1310, 1500);
  REQUIRE(world.told.size() == 3);
  CHECK(world.told[2].instance == "a.1.x");
  CHECK(world.told[2].state.status == Status::resolved);
  CHECK(world.told[2].reason == Reason::rule_removed);
}

TEST_CASE("a store that cannot be read is no missing data") {
  World world;
  world.rules[0].no_data.after = seconds(20);
  world.options.held_steps = 0;
  world.values("a.1.x", 1000, std::vector<double>(40, 95));
  world.open();
  world.ready(1000, 1030);
  world.source.broken = true;
  world.ready(1040, 1200);
  world.source.broken = false;
  world.ready(1210, 1220);
  CHECK(world.told.size() == 1);
  CHECK(world.engine->counters().evaluation_errors == 17);
}

TEST_CASE("a rule that asks for more than it may fails by itself") {
  for (auto const& [most, errors] : {std::pair{1000, 0}, std::pair{20, 4}}) {
    World world;
    world.options.limits.points = static_cast<std::size_t>(most);
    // A point a second of at least the three steps that values are held.
    world.rules = {rule("timeFunction(\"t\", 1)"), rule("a.*.x")};
    world.rules[1].id = "r2";
    world.values("a.1.x", 1000, {95, 95, 95, 96.5});
    world.open();
    world.ready(1000, 1030);
    CHECK(world.engine->counters().evaluation_errors == static_cast<std::uint64_t>(errors));
    CHECK(std::any_of(world.told.begin(), world.told.end(),
                      [](Transition const& notice) { return notice.instance == "a.1.x"; }));
    CHECK(std::any_of(world.told.begin(), world.told.end(), [](Transition const& notice) {
            return notice.rule == "r1";
          }) == (errors == 0));
  }
}
