#include "graphite-bridge/evaluate.hpp"

#include <catch2/catch.hpp>
#include <thread>

#include "memory_source.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

constexpr std::int64_t t0 = 1480291200;
Window const window{t0, t0 + 60, t0 + 600};

using Values = std::vector<double>;

test::MemorySource counters() {
  test::MemorySource source;
  source.add("a.one", t0 - 60, 10, {0, 0, 0, 0, 0, 0, 1, 2, 4, absent, 8, 3, 9});
  source.add("a.two", t0 - 60, 10, {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5});
  return source;
}

SeriesList run(std::string const& target, SeriesSource const& source, Window const& at = window) {
  auto series = evaluate(target, at, source);
  if (!series) FAIL(series.error().context);
  return *series;
}

void check_values(Series const& series, Values const& expected) {
  REQUIRE(series.values.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i, series.values[i], expected[i]);
    CHECK((series.values[i] == expected[i] ||
           (is_absent(series.values[i]) && is_absent(expected[i]))));
  }
}

}  // namespace

TEST_CASE("an expression is parsed once and evaluated many times") {
  auto const source = counters();
  auto const expression = parse_target("sumSeries(a.*)");
  REQUIRE(expression);
  for (int i = 0; i < 3; ++i) {
    auto const series = evaluate(*expression, window, source);
    REQUIRE(series);
    REQUIRE(series->size() == 1);
    check_values(series->front(), {7, 9, 5, 13, 8, 14});
  }
}

TEST_CASE("an expression serves several threads") {
  auto const source = counters();
  auto const expression = parse_target("movingAverage(groupByNode(a.*,0,'sum'),2)");
  REQUIRE(expression);
  std::vector<std::size_t> sizes(4, 0);
  {
    std::vector<std::jthread> threads;
    for (auto& size : sizes) {
      threads.emplace_back([&] { size = evaluate(*expression, window, source)->size(); });
    }
  }
  CHECK(sizes == std::vector<std::size_t>(4, 1));
}

TEST_CASE("the window is open at from and closed at until") {
  auto const series = run("a.two", counters(), {t0 + 5, t0 + 33, t0 + 600});
  REQUIRE(series.size() == 1);
  CHECK(series[0].start == t0 + 10);
  CHECK(series[0].values.size() == 3);
}

TEST_CASE("names hold path expressions, each once, and tags in common stay") {
  auto const source = counters();
  auto const sum = run("sumSeries(a.*,scale(a.one,2),a.*)", source).front();
  CHECK(sum.name == "sumSeries(a.*,scale(a.one,2))");
  CHECK(sum.tags == std::map<std::string, std::string>{{"name", "sumSeries(a.*,scale(a.one,2))"},
                                                       {"aggregatedBy", "sum"}});
  auto const one = run("sumSeries(scale(a.one,2))", source).front();
  CHECK(one.tags == std::map<std::string, std::string>{
                        {"name", "a.one"}, {"scale", "2.0"}, {"aggregatedBy", "sum"}});
  CHECK(one.consolidation == Consolidation::average);
}

TEST_CASE("a counter's rate is absent at the first value, behind a hole and at a reset") {
  auto const source = counters();
  check_values(run("perSecond(a.one)", source).front(), {absent, 0.2, absent, absent, absent, 0.6});
  check_values(run("nonNegativeDerivative(a.one)", source).front(),
               {absent, 2, absent, absent, absent, 6});
  check_values(run("nonNegativeDerivative(a.one,9)", source).front(),
               {absent, 2, absent, absent, 5, 6});
  check_values(run("nonNegativeDerivative(a.one,8)", source).front(),
               {absent, 2, absent, absent, 4, absent});
}

TEST_CASE("rates are rounded to six digits") {
  test::MemorySource source;
  source.add("a", t0, 30, {0, 0, 1, 3});
  check_values(run("perSecond(a)", source, {t0, t0 + 90, t0 + 600}).front(),
               {absent, 0.033333, 0.066667});
}

TEST_CASE("a moving window reads a lead-in and leaves the point itself out") {
  auto const source = counters();
  auto const by_points = run("movingAverage(a.one,2)", source).front();
  CHECK(by_points.name == "movingAverage(a.one,2)");
  CHECK(by_points.start == t0 + 10);
  check_values(by_points, {0.5, 1.5, 3, 4, 8, 5.5});
  auto const by_time = run("movingAverage(a.one,'20s')", source).front();
  CHECK(by_time.name == "movingAverage(a.one,\"20s\")");
  CHECK(by_time.tags.at("movingAverage") == "20s");
  check_values(by_time, by_points.values);
  check_values(run("movingAverage(a.one,2,1)", source).front(), {0.5, 1.5, 3, absent, absent, 5.5});
}

TEST_CASE("a moving window keeps pipes and template values when it reads again") {
  auto const source = counters();
  auto const scaled = run("template(movingAverage(a.$n|scale(2),2),n='one')", source);
  REQUIRE(scaled.size() == 1);
  CHECK(scaled[0].name == "movingAverage(scale(a.one,2),2)");
  check_values(scaled[0], {1, 3, 6, 8, 16, 11});
}

TEST_CASE("a window of a century and more is a mistake") {
  auto const source = counters();
  for (char const* target :
       {"movingAverage(a.one,9223372036854775807)", "movingAverage(a.one,'900y')"}) {
    auto const series = evaluate(target, window, source);
    REQUIRE_FALSE(series);
    CHECK(series.error().code == Errc::malformed);
  }
}

TEST_CASE("percent of nothing and of zero is absent") {
  test::MemorySource source;
  source.add("part", t0, 10, {0, 1, absent, 3});
  source.add("total", t0, 10, {0, 4, 5, 0});
  Window const four{t0, t0 + 30, t0 + 600};
  auto const series = run("asPercent(part,total)", source, four);
  REQUIRE(series.size() == 1);
  CHECK(series[0].name == "asPercent(part,total)");
  check_values(series[0], {25, absent, absent});
}

TEST_CASE("percent with lists of unequal length is an error that points to the call") {
  test::MemorySource source;
  for (char const* name : {"p.a", "p.b", "p.c", "t.a", "t.b"}) source.add(name, t0, 10, {1, 1});
  auto const series = evaluate("alias(asPercent(p.*,t.*),'x')", window, source);
  REQUIRE_FALSE(series);
  CHECK(series.error().code == Errc::malformed);
  CHECK(series.error().context.find("alias(<here>asPercent") != std::string::npos);
  CHECK_FALSE(evaluate("asPercent(p.*,'x')", window, source));
  CHECK_FALSE(evaluate("asPercent(p.*,5,0)", window, source));
}

TEST_CASE("parts and totals without a partner show as missing") {
  test::MemorySource source;
  for (char const* name : {"p.a", "p.b", "t.b", "t.c"}) source.add(name, t0, 10, {1, 2, 2});
  auto const series = run("asPercent(p.*,t.*,1)", source, {t0, t0 + 20, t0 + 600});
  REQUIRE(series.size() == 3);
  CHECK(series[0].name == "asPercent(p.a,MISSING)");
  check_values(series[0], {absent, absent});
  CHECK(series[1].name == "asPercent(p.b,t.b)");
  check_values(series[1], {100, 100});
  CHECK(series[2].name == "asPercent(MISSING,t.c)");
  check_values(series[2], {absent, absent});
}

TEST_CASE("a constant line has both ends and the middle, inside other calls too") {
  test::MemorySource const source;
  auto const line = run("aliasSub(constantLine(100), \"(^.*$)\", \"\\1 A\")", source).front();
  CHECK(line.name == "100.0 A");
  CHECK(line.start == t0);
  CHECK(line.step == 30);
  check_values(line, {100, 100, 100});
  auto const second = run("constantLine(1)", source, {t0, t0 + 1, t0}).front();
  CHECK(second.step == 1);
  CHECK(second.values.size() == 2);
}

TEST_CASE("groups come in the order in which their keys were seen") {
  test::MemorySource source;
  for (char const* name : {"x.b.1", "x.a.2", "y.b.3"}) source.add(name, t0, 10, {0, 2, 2});
  auto const groups = run("groupByNode(group(x.b.*,*.*.*),1,'sum')", source);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].name == "b");
  CHECK(groups[0].values.front() == 6);
  CHECK(groups[1].name == "a");
}

TEST_CASE("no series comes out without values, none longer than its window") {
  auto const source = counters();
  CHECK(run("movingAverage(a.one,0)", source).front().values.size() == 6);
  CHECK(run("limit(a.*,0)", source).empty());
  CHECK(run("no.such.path", source).empty());
  // Two steps in one list: the lead-in is that of the coarser one, and what hangs over is cut.
  test::MemorySource mixed;
  mixed.add("m.fine", t0 - 600, 10, Values(120, 1.0));
  mixed.add("m.coarse", t0 - 600, 60, Values(20, 1.0));
  for (auto const& one : run("movingAverage(m.*,5)", mixed, {t0, t0 + 120, t0 + 600})) {
    auto const room = static_cast<std::size_t>((one.end - one.start) / one.step) + 1;
    CHECK(one.values.size() <= room);
  }
}

TEST_CASE("infinities are values and a source's failure is passed on") {
  auto source = counters();
  CHECK(run("scale(a.two,inf)", source).front().values.front() == HUGE_VAL);
  source.fail_with(Error{Errc::unavailable, 0, "store"});
  auto const series = evaluate("sumSeries(a.*)", window, source);
  REQUIRE_FALSE(series);
  CHECK(series.error().code == Errc::unavailable);
}

TEST_CASE("wrong patterns and replacements of aliasSub are malformed") {
  auto const source = counters();
  for (char const* target : {"aliasSub(a.*,'(','x')", "aliasSub(a.*,'a','\\2')",
                             "aliasSub(no.such,'a','\\2')", "grep(a.*,'[')"}) {
    auto const series = evaluate(target, window, source);
    REQUIRE_FALSE(series);
    CHECK(series.error().code == Errc::malformed);
  }
}

TEST_CASE("what deviates most is told of any values") {
  test::MemorySource source;
  source.add("b.small", t0 + 10, 10, {1, 2, 1});
  source.add("b.large", t0 + 10, 10, {1e200, 2e200, 1e200});
  source.add("b.larger", t0 + 10, 10, {-1e308, 1e308, 1e308});
  source.add("b.level", t0 + 10, 10, {1e300, 1e300, 1e300});
  auto const series = run("mostDeviant(b.*,4)", source);
  REQUIRE(series.size() == 4);
  CHECK(series[0].name == "b.larger");
  CHECK(series[1].name == "b.large");
  CHECK(series[2].name == "b.small");
}

TEST_CASE("a deviation whose squares are too large is absent") {
  test::MemorySource source;
  source.add("b", t0 + 10, 10, {3, 5, 4, 2, 1e200, 5});
  check_values(run("stdev(b,2)", source).front(), {0, 1, 0.5, 1, absent, absent});
}

TEST_CASE("a count in a name is a whole number, until something computes with it") {
  auto const source = counters();
  auto const name = [&](std::string const& target) { return run(target, source).at(0).name; };
  CHECK(name("legendValue(countSeries(a.*),'last')") == "countSeries(a.*) (last: 2)");
  CHECK(name("legendValue(alias(countSeries(a.*),'n'),'max','total')") == "n (max: 2) (total: 12)");
  // Two values in the middle, and a mean: Python divides.
  CHECK(name("legendValue(alias(countSeries(a.*),'n'),'avg')") == "n (avg: 2.0)");
  CHECK(name("legendValue(alias(countSeries(a.*),'n'),'median')") == "n (median: 2.0)");
  CHECK(name("legendValue(alias(isNonNull(a.one),'n'),'min','median')") ==
        "n (min: 0) (median: 1.0)");
  CHECK(name("legendValue(alias(scale(countSeries(a.*),2.5),'n'),'last')") == "n (last: 5.0)");
  CHECK(name("legendValue(alias(sumSeries(countSeries(a.*),a.two),'n'),'last')") ==
        "n (last: 7.0)");
  CHECK(name("legendValue(a.two,'last')") == "a.two (last: 5.0)");
}
