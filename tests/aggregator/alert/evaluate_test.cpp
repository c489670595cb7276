#include "aggregator/alert/evaluate.hpp"

#include <catch2/catch.hpp>

#include "aggregator/alert/incident_id.hpp"
#include "rules_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::alert;
using namespace dadvisor::aggregator::alert::test;

namespace {

constexpr double none = graphite::absent;

// Feeds one instance one value a tick, from t = 1000 on, and keeps what changed.
struct Run {
  Rule rule;
  RuleState state;
  std::vector<Transition> changes;
  std::int64_t now = 990;
  EvaluationContext context;

  explicit Run(Rule r) : rule(std::move(r)) { context.step = seconds(10); }
  void feed(std::initializer_list<double> values) {
    for (double const value : values) {
      now += 10;
      context.tick = at(now);
      auto result = evaluate(rule, {series("a.1.x", now, {value})}, std::move(state), context);
      state = std::move(result.state);
      for (auto& change : result.transitions) changes.push_back(std::move(change));
    }
  }
  std::vector<std::string> notices() const {
    std::vector<std::string> out;
    for (auto const& change : changes)
      if (change.notice)
        out.push_back(std::to_string(change.tick.time_since_epoch().count()) + " " +
                      to_string(change.state.status) + " " + to_string(change.state.level));
    return out;
  }
  InstanceState const& one() const { return state.at("a.1.x"); }
};

using Notices = std::vector<std::string>;

}  // namespace

TEST_CASE("a value over the threshold is PENDING until `for` has passed by the data's time") {
  Run run(rule());
  run.feed({50, 95, 95, 95});
  CHECK(run.notices().empty());
  CHECK(run.one().status == Status::pending);
  CHECK(run.one().level == Level::crit);
  run.feed({95});
  CHECK(run.notices() == Notices{"1040 FIRING crit"});
  CHECK(run.one().began == at(1010));
  CHECK(run.one().opened == at(1040));
  CHECK(run.one().sequence == 1);
  CHECK(run.changes.back().condition == "> 90 for 30s, clear < 75");
}

TEST_CASE("one value below starts `for` again") {
  Run run(rule());
  run.feed({95, 95, 95, 50, 95, 95, 95});
  CHECK(run.notices().empty());
  run.feed({95});
  CHECK(run.notices() == Notices{"1070 FIRING crit"});
}

TEST_CASE("between clear and threshold an alert stays as it is, below clear it goes down") {
  Run run(rule());
  run.rule.warn.reset();
  run.feed({95, 95, 95, 95});
  run.feed({80, 76, 75, 89});
  CHECK(run.notices().size() == 1);
  run.feed({74.9});
  CHECK(run.notices() == Notices{"1030 FIRING crit", "1080 RESOLVED "});
  CHECK(run.changes.back().reason == Reason::cleared);
  CHECK(run.changes.back().condition == "> 90 for 30s, clear < 75");
  CHECK(run.one().status == Status::resolved);
  run.feed({50});
  CHECK(run.one().status == Status::ok);
}

TEST_CASE("warn rises to crit at once when crit's `for` has passed, and falls through clear") {
  Run run(rule());
  run.feed({85, 85, 85, 85, 85, 85});  // warn after 50 s, at 1050
  run.feed({95, 95, 95, 95});          // crit since 1060, at 1090
  run.feed({80});                      // not below crit's clear
  run.feed({74});                      // crit cleared, warn not (70)
  run.feed({69});
  CHECK(run.notices() ==
        Notices{"1050 FIRING warn", "1090 FIRING crit", "1110 FIRING warn", "1120 RESOLVED "});
  auto const& id = run.changes.back().state.incident;
  std::uint64_t sequence = 0;
  for (auto const& change : run.changes) {
    if (!change.notice) continue;
    CHECK(change.state.incident == id);
    CHECK(change.state.sequence == ++sequence);
  }
}

TEST_CASE("missing data never resolves: NODATA keeps the incident open and data ends it") {
  Run run(rule());
  run.feed({95, 95, 95, 95});
  auto const incident = run.one().incident;
  for (int i = 0; i < 11; ++i) run.feed({none});
  CHECK(run.notices().size() == 1);
  run.feed({none});  // 120 s after the last value at 1030
  CHECK(run.notices().back() == "1150 NODATA crit");
  CHECK(run.one().incident == incident);
  run.feed({none, none});
  CHECK(run.notices().size() == 2);
  SECTION("back and still bad: FIRING again in the same incident, by hysteresis, without `for`") {
    run.feed({80});
    CHECK(run.notices().back() == "1180 FIRING crit");
    CHECK(run.one().incident == incident);
    CHECK(run.one().sequence == 3);
  }
  SECTION("back and good: RESOLVED") {
    run.feed({10});
    CHECK(run.notices().back() == "1180 RESOLVED ");
    CHECK(run.one().incident == incident);
  }
}

TEST_CASE("an OK instance that falls silent opens an incident, unless the rule says keep") {
  Run run(rule());
  run.rule.no_data.after = seconds(20);
  SECTION("nodata") {
    run.feed({10, none, none, 10});
    CHECK(run.notices() == Notices{"1020 NODATA ", "1030 RESOLVED "});
  }
  SECTION("keep") {
    run.rule.no_data.notify = false;
    run.feed({10, none, none, none, none});
    CHECK(run.notices().empty());
    CHECK(run.one().status == Status::ok);
  }
  SECTION("keep holds a firing alert too") {
    run.rule.no_data.notify = false;
    run.feed({95, 95, 95, 95, none, none, none, none});
    CHECK(run.notices() == Notices{"1030 FIRING crit"});
    CHECK(run.one().status == Status::firing);
  }
}

TEST_CASE("a hole shorter than no_data.after does not stop `for`, a longer one starts it again") {
  Run run(rule());
  run.rule.no_data.after = seconds(30);
  run.feed({95, none, none, 95});
  CHECK(run.notices() == Notices{"1030 FIRING crit"});
  Run longer(rule());
  longer.rule.no_data.after = seconds(30);
  longer.rule.no_data.notify = false;
  longer.feed({95, none, none, none, 95, 95, 95});
  CHECK(longer.notices().empty());
  longer.feed({95});
  CHECK(longer.notices() == Notices{"1070 FIRING crit"});
}

TEST_CASE("a series that is no longer in the answer counts as missing data") {
  Run run(rule());
  run.feed({95, 95, 95, 95});
  run.context.tick = at(1150);
  auto result = evaluate(run.rule, {}, std::move(run.state), run.context);
  REQUIRE(result.transitions.size() == 1);
  CHECK(result.transitions[0].state.status == Status::nodata);
}

TEST_CASE("while ingest is behind the no-data clocks stand still") {
  Run run(rule());
  run.rule.no_data.after = seconds(20);
  run.feed({10});
  run.context.hold_no_data = true;
  run.feed({none, none, none, none, none});
  CHECK(run.notices().empty());
  run.context.hold_no_data = false;
  run.feed({none});
  CHECK(run.notices().empty());
  run.feed({none});
  CHECK(run.notices() == Notices{"1070 NODATA "});
}

TEST_CASE("what ended on purpose is resolved as gone and forgotten") {
  Run run(rule());
  run.feed({95, 95, 95, 95});
  run.context.gone = [](std::string const& path, Tick tick) {
    return path == "a.1.x" && tick > Tick{};
  };
  run.feed({none});
  CHECK(run.notices().back() == "1040 RESOLVED ");
  CHECK(run.changes.back().reason == Reason::gone);
  CHECK(run.state.empty());
}

TEST_CASE("an instance silent for a day is forgotten, its incident closed as expired") {
  Run run(rule());
  run.context.forget_after = seconds(200);
  run.feed({95, 95, 95, 95});
  for (int i = 0; i < 20; ++i) run.feed({none});
  CHECK(run.changes.back().reason == Reason::expired);
  CHECK(run.changes.back().state.status == Status::resolved);
  CHECK(run.state.empty());
}

TEST_CASE("`for: 0` fires at the first bad tick") {
  Run run(rule());
  run.rule.crit->hold = seconds(0);
  run.feed({95});
  CHECK(run.notices() == Notices{"1000 FIRING crit"});
}

TEST_CASE("reductions look at their window alone, up to the tick") {
  auto const s = series("s", 1100, {7, 1, 2, 3, 4, 5, 6});
  auto const reduced = [&](std::string const& how) {
    return read(parse_reduction(how).value(), s, at(1100), seconds(10)).value;
  };
  CHECK(reduced("last") == 6);
  CHECK(reduced("avg(1m)") == 3.5);
  CHECK(reduced("sum(1m)") == 21);
  CHECK(reduced("max(30s)") == 6);
  CHECK(reduced("min(30s)") == 4);
  CHECK(reduced("max(70s)") == 7);
  // A tick in the past does not see what came after it.
  CHECK(read({}, s, at(1080), seconds(10)).value == 4);
}

TEST_CASE("an absent newest value is absent for `last` but not for a window") {
  auto const s = series("s", 1100, {4, 2, none});
  CHECK_FALSE(read({}, s, at(1100), seconds(10)).value);
  CHECK(read({}, s, at(1100), seconds(10)).last_data == at(1090));
  CHECK(read(parse_reduction("avg(1m)").value(), s, at(1100), seconds(10)).value == 3);
  CHECK(read(parse_reduction("last(20s)").value(), s, at(1100), seconds(10)).value == 2);
  CHECK_FALSE(read(parse_reduction("last(10s)").value(), s, at(1100), seconds(10)).value);
}

TEST_CASE("the step of a coarser series covers the ticks within it") {
  graphite::Series coarse = series("s", 0, {});
  coarse.step = 60;
  coarse.start = 960;
  coarse.values = {1, 2};  // at 960 and 1020
  CHECK(read({}, coarse, at(1070), seconds(10)).value == 2);
  CHECK_FALSE(read({}, coarse, at(1080), seconds(10)).value);
}

TEST_CASE("two series of one name are two instances") {
  EvaluationContext context;
  context.tick = at(1000);
  auto const r = rule();
  auto const result = evaluate(r, {series("s", 1000, {1}), series("s", 1000, {95})}, {}, context);
  REQUIRE(result.state.size() == 2);
  CHECK(result.state.at("s").value == 1);
  CHECK(result.state.at("s (2)").value == 95);
}

TEST_CASE("evaluation is pure: the same input gives the same state, changes and ids") {
  Run a(rule());
  Run b(rule());
  a.feed({95, 95, 95, 95, none, 50});
  b.feed({95, 95, 95, 95, none, 50});
  CHECK(a.state == b.state);
  CHECK(a.changes == b.changes);
}

TEST_CASE("incident ids sort by time and differ by rule and instance") {
  auto const id = incident_id("r1", "a", at(1000));
  CHECK(id.size() == 26);
  CHECK(id < incident_id("r1", "a", at(1001)));
  CHECK(id != incident_id("r1", "b", at(1000)));
  CHECK(id != incident_id("r2", "a", at(1000)));
  // 1,469,918,176,385 ms begins 01ARYZ6S41 in the ULID specification's example.
  CHECK(incident_id("r", "i", at(1469918176)).substr(0, 8) == "01ARYZ6R");
}
