#include "graphite-bridge/query_budget.hpp"

#include <catch2/catch.hpp>

#include "graphite-bridge/evaluate.hpp"
#include "graphite-bridge/find.hpp"
#include "graphite-bridge/render.hpp"
#include "memory_source.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t now = 1480312800;

class StillClock final : public Clock {
 public:
  WallTime wall() const override { return WallTime(from_unix_seconds(now)); }
  MonotonicTime monotonic() const override {
    time += a_look;
    return time;
  }
  mutable MonotonicTime time{1h};
  Nanoseconds a_look{};  // that each look takes
};

// What became of one request under a budget: its body, or the error.
Result<Answer> asked(Parameters const& parameters, QueryLimits const& limits,
                     StillClock const& clock = {}) {
  test::MemorySource source;
  for (char const* name : {"a.one", "a.two", "a.three"})
    source.add(name, now - 600, 60, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  QueryBudget budget(limits, clock);
  return render(parameters, now, source, &budget);
}

Parameters json(std::string const& target, std::string const& from = "-10min") {
  return {{"target", target}, {"from", from}, {"format", "json"}};
}

// The limit that stopped it; "" when nothing did.
std::string limit_of(Parameters const& parameters, QueryLimits const& limits,
                     StillClock const& clock = {}) {
  auto const answer = asked(parameters, limits, clock);
  if (answer) return "";
  INFO(answer.error().context);
  CHECK(answer.error().context.find('\n') == std::string::npos);
  return answer.error().limit == nullptr ? answer.error().context : answer.error().limit;
}

}  // namespace

TEST_CASE("a budget gives what it has and refuses what is over, then everything") {
  StillClock clock;
  QueryBudget budget({.series = 3, .points = 100, .memory = 2 << 20, .time = 1s}, clock);
  CHECK(budget.charge(2, 60));
  CHECK(budget.series_left() == 1);
  CHECK(budget.charge(1, 40));
  CHECK(budget.go_on());
  auto const refused = budget.charge(0, 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::too_large);
  CHECK(refused.error().limit == std::string("points"));
  CHECK(refused.error().context.starts_with("more than 100 points: ask for a shorter time"));
  // What it said first it says again, whatever is asked for.
  for (auto const& later : {budget.go_on(), budget.charge(0, 0), budget.room_for(0)}) {
    REQUIRE_FALSE(later);
    CHECK(later.error().limit == std::string("points"));
  }
  CHECK_FALSE(budget.work(1));
}

TEST_CASE("memory counts what is held at a time") {
  StillClock clock;
  QueryBudget budget({.memory = 1000}, clock);
  CHECK(budget.room_for(1000));
  budget.set_held(600);
  CHECK(budget.room_for(400));
  budget.set_held(0);
  CHECK(budget.room_for(1000));
  auto const refused = budget.room_for(1001);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().limit == std::string("memory"));
}

TEST_CASE("time is looked at once in a while, and pauses do not count") {
  StillClock clock;
  Nanoseconds paused{};
  QueryBudget budget({.time = 1s}, clock, {.abandoned = {}, .pause = [&] {
                                             clock.time += paused;
                                             return paused;
                                           }});
  clock.time += 999ms;
  paused = 5s;
  CHECK(budget.go_on());
  paused = {};
  clock.time += 1ms;
  CHECK(budget.work(1));  // too little to look for
  CHECK_FALSE(budget.work(1 << 20));
  CHECK(budget.go_on().error().limit == std::string("time"));
  CHECK(budget.go_on().error().context.starts_with("more than 1s of work: "));
}

TEST_CASE("a query gives nobody way while it is undivided") {
  StillClock clock;
  int pauses = 0;
  QueryBudget budget({}, clock, {.abandoned = {}, .pause = [&] {
                                   ++pauses;
                                   return Nanoseconds{};
                                 }});
  CHECK(budget.go_on());
  CHECK(pauses == 1);
  {
    QueryBudget::Undivided const outer(&budget);
    { QueryBudget::Undivided const inner(&budget); }
    CHECK(budget.go_on());
    CHECK(budget.work(1 << 20));
    CHECK(pauses == 1);
  }
  CHECK(budget.work(1 << 20));
  CHECK(pauses == 2);
  QueryBudget::Undivided const none(nullptr);
}

TEST_CASE("a query whose client has gone is over and tells so") {
  StillClock clock;
  bool gone = false;
  QueryBudget budget({}, clock, {.abandoned = [&] { return gone; }, .pause = {}});
  CHECK(budget.go_on());
  CHECK_FALSE(budget.abandoned());
  gone = true;
  auto const over = budget.go_on();
  REQUIRE_FALSE(over);
  CHECK(over.error().code == Errc::gone);
  CHECK(over.error().limit == nullptr);
  CHECK(budget.abandoned());
}

TEST_CASE("series and points of a request's targets count together") {
  CHECK(limit_of(json("a.*"), {.series = 3}) == "");
  CHECK(limit_of(json("a.*"), {.series = 2}) == "series");
  auto twice = json("a.*");
  twice.emplace("target", "a.one");
  CHECK(limit_of(twice, {.series = 4}) == "");
  CHECK(limit_of(twice, {.series = 3}) == "series");
  CHECK(limit_of(json("a.*"), {.points = 30}) == "");
  CHECK(limit_of(json("a.*"), {.points = 29}) == "points");
}

TEST_CASE("functions that make points pay for them") {
  // 600 s at a second.
  CHECK(limit_of(json("timeFunction('t',1)"), {.points = 600}) == "");
  CHECK(limit_of(json("timeFunction('t',1)"), {.points = 599}) == "points");
  CHECK(limit_of(json("randomWalk('t',1)", "-10y"), {}) == "points");
  CHECK(limit_of(json("events('*')", "-40d"), {.points = 1'000'000}) == "points");
  // 10 points, and 661 of them at a second: summarize() ends a bucket behind the end.
  CHECK(limit_of(json("summarize(a.one,'1s')"), {.points = 680}) == "");
  CHECK(limit_of(json("summarize(a.one,'1s')"), {.points = 600}) == "points");
  CHECK(limit_of(json("hitcount(a.one,'1s')"), {.points = 600}) == "points");
  CHECK(limit_of(json("smartSummarize(a.one,'1s')"), {.points = 600}) == "points");
  CHECK(limit_of(json("movingAverage(a.one,'10y')"), {}) == "");
  CHECK(limit_of(json("movingMedian(a.one,'10y')"), {.points = 5'000'000}) == "points");
}

TEST_CASE("names that grow are memory") {
  std::string grown = "a.*";
  for (int i = 0; i < 40; ++i) grown = "aliasSub(" + grown + ",'^(.*)$','\\1\\1\\1\\1')";
  CHECK(limit_of(json(grown), {.memory = 16 << 20}) == "memory");
  CHECK(limit_of(json("alias(a.*,'" + std::string(100'000, 'x') + "')"), {.memory = 200'000}) ==
        "memory");
}

TEST_CASE("a body that is too large is refused in every format") {
  for (char const* format : {"json", "csv", "raw", "dygraph", "rickshaw", "pickle", "msgpack"}) {
    INFO(format);
    Parameters parameters{
        {"target", "timeFunction('t',1)"}, {"from", "-10000s"}, {"format", format}};
    // 80 kB of values, of which each format makes more than 2 bytes a point.
    CHECK(limit_of(parameters, {.memory = 100'000}) == "memory");
    CHECK(limit_of(parameters, {.memory = 2'000'000}) == "");
  }
}

TEST_CASE("pictures pay for their sheet and stop when the time is over") {
  Parameters parameters{{"target", "a.*"},
                        {"from", "-10min"},
                        {"format", "png"},
                        {"width", "1000"},
                        {"height", "1000"}};
  CHECK(limit_of(parameters, {.memory = 4'100'000}) == "");
  CHECK(limit_of(parameters, {.memory = 3'900'000}) == "memory");
  for (char const* format : {"png", "svg", "pdf"}) {
    StillClock clock;
    clock.a_look = 1ms;
    parameters.erase("format");
    parameters.emplace("format", format);
    CHECK(limit_of(parameters, {.time = 4ms}, clock) == "time");
  }
}

TEST_CASE("a target over its limits is malformed and says which limit") {
  auto const limit = [](std::string const& target) {
    auto const answer = asked(json(target), {});
    REQUIRE_FALSE(answer);
    return std::string(answer.error().limit == nullptr ? "" : answer.error().limit);
  };
  std::string deep = "a.one";
  for (int i = 0; i < 64; ++i) deep = "sum(" + deep + ")";
  CHECK(limit(deep) == "depth");
  std::string bomb = "a.";
  for (int i = 0; i < 20; ++i) bomb += "{a,b}";
  CHECK(limit(bomb) == "braces");
  std::string wide = "a";  // each node within its limit
  for (int i = 0; i < 5; ++i) wide += ".{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}";
  CHECK(limit(wide) == "braces");
  CHECK(limit("a." + std::string(250'000, 'x') + "{a,b}{a,b}{a,b}{a,b}") == "braces");
  CHECK(limit("a.*" + std::string(2000, 'x')) == "length");
  CHECK(limit(std::string(300'000, 'x')) == "length");
  std::string many = "group(";  // each path within its limit
  for (int i = 0; i < 40; ++i) many += std::string(i == 0 ? "" : ",") + wide.substr(0, 103);
  CHECK(limit(many + ")") == "braces");
  CHECK(limit("sum(a.one") == "");
}

TEST_CASE("values of a template that hold other values do not grow without end") {
  auto const name = [](int i) {
    return std::string{'$', static_cast<char>('a' + i / 26), static_cast<char>('a' + i % 26)};
  };
  std::string target = "template(sum(a." + name(0) + ")";
  for (int i = 0; i < 60; ++i) {
    auto const next = name(i + 1);
    target += "," + name(i).substr(1) + "='" + next + next + next + "'";
  }
  auto const answer = asked(json(target + ")"), {});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().limit == std::string("length"));
}

TEST_CASE("expand stops where its memory ends") {
  test::MemorySource source;
  for (int i = 0; i < 100; ++i) source.add("a." + std::to_string(i), now, 60, {1});
  StillClock clock;
  QueryBudget small({.memory = 1000}, clock), large({}, clock);
  CHECK(expand({{"query", "a.*"}}, now, source, &large));
  auto const refused = expand({{"query", "a.*"}}, now, source, &small);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().limit == std::string("memory"));
}
