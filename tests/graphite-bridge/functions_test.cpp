// What the recorded answers of graphite-web cannot show of the functions: drawings, what a request
// shares, zones, errors, and where we differ on purpose.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/evaluate.hpp"
#include "graphite-bridge/render.hpp"
#include "memory_source.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

constexpr std::int64_t t0 = 1480291200;  // 2016-11-28 00:00 UTC
Window const window{t0, t0 + 60, t0 + 600};

using Values = std::vector<double>;

test::MemorySource figures() {
  test::MemorySource source;
  source.add("a.one", t0 - 600, 10, Values(120, 1));
  source.add("a.two", t0 + 10, 10, {1, 2, absent, 4, 5, 6});
  source.add("srv.s1.read", t0 + 10, 10, {1, 2, 3, 4, 5, 6});
  source.add("srv.s1.total", t0 + 10, 10, {2, 4, 6, 8, 10, 12});
  source.add("srv.s2.read", t0 + 10, 10, {1, 1, 1, 1, 1, 1});
  source.add("used;dc=bj", t0 + 10, 10, {1, 1, 1, 1, 1, 1});
  source.add("used;dc=bj;rack=r1", t0 + 10, 10, {2, 2, 2, 2, 2, 2});
  return source;
}

SeriesList run(std::string const& target, SeriesSource const& source, Window const& at = window,
               EvaluationOptions const& options = {}) {
  auto const expression = parse_target(target);
  if (!expression) FAIL(expression.error().context);
  auto series = evaluate(*expression, at, source, options);
  if (!series) FAIL(series.error().context);
  return *series;
}

Series run_one(std::string const& target, SeriesSource const& source) {
  auto series = run(target, source);
  REQUIRE(series.size() == 1);
  return series.front();
}

std::string error_of(std::string const& target, SeriesSource const& source) {
  auto const series = evaluate(target, window, source);
  REQUIRE_FALSE(series);
  CHECK(series.error().code == Errc::malformed);
  CHECK(series.error().context.find('\n') == std::string::npos);
  return series.error().context;
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

TEST_CASE("functions for pictures fill the drawing") {
  auto const source = figures();
  auto const drawn = [&](std::string const& target) { return run_one(target, source).drawing; };
  auto const drawing = [](auto change) {
    Drawing out;
    change(out);
    return out;
  };
  CHECK(drawn("color(a.one,'red')") == drawing([](Drawing& d) { d.color = "red"; }));
  CHECK(drawn("color(a.one,123456)") == drawing([](Drawing& d) { d.color = "123456"; }));
  CHECK(drawn("alpha(a.one,0.25)") == drawing([](Drawing& d) { d.alpha = 0.25; }));
  CHECK(drawn("lineWidth(a.one,3)") == drawing([](Drawing& d) { d.line_width = 3; }));
  CHECK(drawn("dashed(a.one)") == drawing([](Drawing& d) { d.dashes = {5, 5}; }));
  CHECK(drawn("dashed(a.one,8)") == drawing([](Drawing& d) { d.dashes = {8, 8}; }));
  CHECK(drawn("drawAsInfinite(a.one)") == drawing([](Drawing& d) { d.infinite = true; }));
  CHECK(drawn("secondYAxis(a.one)") == drawing([](Drawing& d) { d.second_y_axis = true; }));
  CHECK(drawn("stacked(a.one,'x')") == drawing([](Drawing& d) { d.stack = "x"; }));
  CHECK(drawn("threshold(5,'limit','blue')") == drawing([](Drawing& d) { d.color = "blue"; }));
  CHECK(drawn("verticalLine('" + std::to_string(t0 + 30) + "','deploy','blue')") ==
        drawing([](Drawing& d) {
          d.color = "blue";
          d.infinite = true;
        }));
  for (char const* target :
       {"areaBetween(srv.s1.*)", "holtWintersConfidenceArea(a.one,3,'1min','30s')"}) {
    CAPTURE(target);
    auto const area = run(target, source);
    REQUIRE(area.size() == 2);
    CHECK(area[0].drawing.invisible);
    CHECK_FALSE(area[1].drawing.invisible);
    CHECK(area[0].drawing.stack.has_value());
    CHECK(area[0].drawing.stack == area[1].drawing.stack);
  }
}

TEST_CASE("a random walk strides from 0 by at most a half") {
  auto const source = figures();
  auto const walk = run_one("randomWalk('The.walk',7)", source);
  CHECK(walk.name == "The.walk");
  CHECK(walk.path_expression == "The.walk");
  CHECK(walk.tags == std::map<std::string, std::string>{{"name", "The.walk"}});
  CHECK(walk.start == t0);
  CHECK(walk.end == t0 + 60);
  CHECK(walk.step == 7);
  REQUIRE(walk.values.size() == 9);  // 0, 7, ... 56
  CHECK(walk.values[0] == 0);
  double least = 1, most = -1;
  for (std::size_t i = 1; i < walk.values.size(); ++i) {
    double const stride = walk.values[i] - walk.values[i - 1];
    least = std::min(least, stride);
    most = std::max(most, stride);
  }
  CHECK(least >= -0.5);
  CHECK(most < 0.5);
  CHECK(most - least > 0.1);
  CHECK(run_one("randomWalkFunction('w')", source).values.size() == 1);
  // Strides up and down are as likely: of 3,600, their mean is within 5 standard errors of 0.
  auto const far = run("randomWalk('far',1)", source, {t0, t0 + 3601, t0 + 7200}).front().values;
  REQUIRE(far.size() == 3601);
  CHECK(std::fabs(far.back()) < 5 * 0.2887 * 60);
  // Each walk of a request is another one, and the same request shows the same ones.
  auto const two = run("group(randomWalk('w',7),randomWalk('w',7))", source);
  REQUIRE(two.size() == 2);
  CHECK(two[0].values != two[1].values);
  CHECK(run("group(randomWalk('w',7),randomWalk('w',7))", source)[1].values == two[1].values);
}

TEST_CASE("where graphite-web fails at a value that has no result, it is absent") {
  auto const source = figures();
  check_values(run_one("exp(scale(srv.s1.read,300))", source),
               {std::exp(300.0), std::exp(600.0), absent, absent, absent, absent});
  auto const steep = run_one("sigmoid(scale(srv.s1.read,-300))", source);
  CHECK(steep.values[0] == Approx(std::exp(-300.0)));
  CHECK(steep.values[5] == 0);
  CHECK(run("averageOutsidePercentile(group(a.two,timeShift(a.two,'1d')),30)", source).size() == 1);
  // None of them has a third value: the one between the others is between them wherever it is.
  auto const outer =
      run("removeBetweenPercentile(group(offset(a.two,-9),a.two,offset(a.two,9)),10)", source);
  REQUIRE(outer.size() == 2);
  CHECK(outer[0].name == "offset(a.two,-9)");
  CHECK(outer[1].name == "offset(a.two,9)");
  CHECK(run("holtWintersConfidenceArea(no.such)", source).empty());
}

TEST_CASE("an aberration of a coarser lead-in is that of the band at its time") {
  test::MemorySource source;
  // 10 s for ten minutes, a minute for a day: with its lead-in it is read by the minute.
  Values values(360, 5);
  values[359] = 41;
  source.add("a", "10s:10m,1m:1d", "average", 0, t0, 10, values);
  Window const last{t0 + 3300, t0 + 3600, t0 + 3600};
  auto const out = run("holtWintersAberration(a,0,'30min','5min')", source, last);
  REQUIRE(out.size() == 1);
  CHECK(out[0].step == 10);
  Values expected(30, 0);  // from 3310 on; 3600 is absent
  expected[28] = 41 - 5;
  check_values(out[0], expected);
}

TEST_CASE("a tagged series is found by its whole name") {
  auto const source = figures();
  auto const found = [&](std::string const& target) {
    std::vector<std::string> names;
    for (auto const& one : run(target, source)) names.push_back(one.name);
    return names;
  };
  using Names = std::vector<std::string>;
  CHECK(found("used;dc=bj") == Names{"used;dc=bj"});
  CHECK(found("used;rack=r1;dc=bj") == Names{"used;dc=bj;rack=r1"});
  CHECK(found("sumSeries(used;dc=bj;rack=r1)") == Names{"sumSeries(used;dc=bj;rack=r1)"});
  CHECK(run_one("used;dc=bj", source).path_expression == "used;dc=bj");
  for (char const* none : {"used;dc=sh", "used;rack=r1", "used;dc=", "used;dc", "used;=bj",
                           ";dc=bj", "used;dc!=sh", "used;dc=bj;dc=bj", "used;"}) {
    CAPTURE(none);
    CHECK(found(none).empty());
  }
}

TEST_CASE("made series are of bounded length, and a step leads on") {
  auto const source = figures();
  CHECK(error_of("time('t',0)", source).find("step must be more than 0") != std::string::npos);
  CHECK(error_of("sin('t',1,-60)", source).find("step must be more than 0") != std::string::npos);
  Window const years{t0 - 20LL * 365 * 86400, t0, t0};
  auto const tried = evaluate("randomWalk('w',60)", years, source);
  REQUIRE_FALSE(tried);
  CHECK(tried.error().context.find("more than 10000000 points") != std::string::npos);
  CHECK(run("time('t',3600)", source, years).front().values.size() == 20 * 365 * 24);
}

TEST_CASE("a drawing stays with its series, and out of the answer") {
  auto const source = figures();
  auto const series = run_one("derivative(dashed(color(secondYAxis(a.one),'red'),2))", source);
  CHECK(series.drawing.color == "red");
  CHECK(series.drawing.dashes == std::vector<double>{2, 2});
  CHECK(series.drawing.second_y_axis);
  CHECK(run_one("sumSeries(color(a.one,'red'))", source).drawing == Drawing());
  auto const body = render({{"target", "color(alpha(a.one,0.5),'red')"},
                            {"from", std::to_string(t0)},
                            {"until", std::to_string(t0 + 60)}},
                           t0 + 600, source);
  REQUIRE(body);
  CHECK(body->body.find("red") == std::string::npos);
}

TEST_CASE("the targets of one request share their stacks, requests do not") {
  auto const source = figures();
  Parameters const parameters{{"target", "stacked(a.one)"},
                              {"target", "stacked(a.two)"},
                              {"target", "stacked(a.one,'other')"},
                              {"from", std::to_string(t0)},
                              {"until", std::to_string(t0 + 60)}};
  auto const request = RenderParameters::parse(parameters, t0 + 600);
  REQUIRE(request);
  for (int i = 0; i < 2; ++i) {
    auto const series = render_series(*request, source);
    REQUIRE(series);
    REQUIRE(series->size() == 3);
    check_values((*series)[0], {1, 1, 1, 1, 1, 1});
    check_values((*series)[1], {2, 3, absent, 5, 6, 7});
    check_values((*series)[2], {1, 1, 1, 1, 1, 1});
  }
}

TEST_CASE("events are counted by the second, in long windows by more") {
  auto source = figures();
  source.add(Event{1, t0 + 5, "deploy", "", {"deploy", "web"}});
  source.add(Event{2, t0 + 5, "deploy", "", {"deploy", "db"}});
  source.add(Event{3, t0 + 60, "deploy", "", {"deploy"}});
  auto const short_window = run("events('deploy')", source);
  REQUIRE(short_window.size() == 1);
  REQUIRE(short_window[0].values.size() == 60);
  CHECK(short_window[0].values[5] == 2);
  CHECK(std::count_if(short_window[0].values.begin(), short_window[0].values.end(), is_absent) ==
        59);  // that of t0 + 60 is in the next window
  auto const year = run("events('*')", source, {t0 - 365 * 86400, t0 + 100, t0 + 600});
  REQUIRE(year.size() == 1);
  CHECK(year[0].values.size() < 5'000'000);
  CHECK(year[0].step == 8);
  CHECK(aggregate(Aggregation::sum, year[0].values) == 3);
}

TEST_CASE("a source without tags or events answers with nothing") {
  class Plain final : public SeriesSource {
   public:
    Result<std::vector<Series>> fetch(std::string_view, Window const&) const override {
      return Error{Errc::unavailable, 0, "not asked"};
    }
    Result<std::vector<FoundNode>> find(std::string_view, Window const&) const override {
      return std::vector<FoundNode>{};
    }
  };
  CHECK(run("seriesByTag('dc=bj')", Plain()).empty());
  auto const marks = run("events('*')", Plain());
  REQUIRE(marks.size() == 1);
  CHECK(std::all_of(marks[0].values.begin(), marks[0].values.end(), is_absent));
}

TEST_CASE("errors of the source come through functions that ask for tags and events") {
  auto source = figures();
  source.fail_with(Error{Errc::unavailable, 0, "the store is away"});
  for (char const* target : {"sumSeries(seriesByTag('dc=bj'))", "events('*')"}) {
    auto const series = evaluate(target, window, source);
    REQUIRE_FALSE(series);
    CHECK(series.error().code == Errc::unavailable);
  }
}

TEST_CASE("timeShift puts noon over noon where the clocks changed") {
  // Berlin's summer time ended on 2016-10-30: a week before 2016-11-01 12:00 there is 1477393200
  // by the clock, 1477389600 and an hour too early is seven times 24 hours.
  constexpr std::int64_t noon = 1477998000;
  test::MemorySource source;
  Values hours;
  for (int i = 0; i < 24 * 14; ++i) hours.push_back(i);
  constexpr std::int64_t first = noon - 10 * 86400;
  source.add("x", first, 3600, hours);
  Window const day{noon, noon + 2 * 3600, noon + 3 * 86400};
  auto const zone = TimeZone::load("Europe/Berlin");
  REQUIRE(zone);
  auto const plain = run("timeShift(x,'7d')", source, day, {.zone = *zone});
  auto const aligned = run("timeShift(x,'7d',alignDst=true)", source, day, {.zone = *zone});
  auto const utc = run("timeShift(x,'7d',alignDst=true)", source, day);
  REQUIRE((plain.size() == 1 && aligned.size() == 1 && utc.size() == 1));
  auto const hour_of = [](std::int64_t time) { return static_cast<double>((time - first) / 3600); };
  check_values(plain[0], {hour_of(1477393200 + 3600), hour_of(1477393200 + 7200)});
  check_values(aligned[0], {hour_of(1477389600 + 3600), hour_of(1477389600 + 7200)});
  check_values(utc[0], plain[0].values);
  CHECK(aligned[0].start == day.from + 3600);
}

TEST_CASE("functions that read again keep the calls before a pipe") {
  auto const source = figures();
  check_values(run_one("a.one|scale(3)|timeShift('1min')", source), {3, 3, 3, 3, 3, 3});
  check_values(run_one("a.one|scale(3)|movingAverage(2)", source), {3, 3, 3, 3, 3, 3});
  check_values(run_one("a.one|scale(factor=3)|offset(1)", source), {4, 4, 4, 4, 4, 4});
}

TEST_CASE("timeSlice goes by the clock of the request") {
  auto const source = figures();
  // now is t0 + 600: nine minutes and a half before is t0 + 30.
  auto const series = run_one("timeSlice(srv.s1.read,'-570s')", source);
  check_values(series, {absent, absent, absent, 4, 5, 6});
  CHECK(series.tags.at("timeSliceEnd") == std::to_string(t0 + 600));
}

TEST_CASE("delay by nothing loses nothing") {
  check_values(run_one("delay(srv.s1.read,0)", figures()), {1, 2, 3, 4, 5, 6});
}

TEST_CASE("what is missing for a reduction shows as missing") {
  auto const source = figures();
  auto const series =
      run("reduceSeries(mapSeries(srv.*.*,1),'divideSeries',2,'read','total')", source);
  REQUIRE(series.size() == 2);
  CHECK(series[0].name == "srv.s1.reduce.divideSeries");
  check_values(series[0], Values(6, 0.5));
  CHECK(series[1].name == "srv.s2.reduce.divideSeries");
  check_values(series[1], Values(6, absent));
}

TEST_CASE("series without a tag are a group of their own") {
  auto const series = run("groupByTags(seriesByTag('name=used'),'sum','rack','dc')", figures());
  REQUIRE(series.size() == 2);
  CHECK(series[0].name == "used;dc=bj;rack=");
  CHECK(series[0].tags == std::map<std::string, std::string>{{"name", "used"}, {"dc", "bj"}});
  CHECK(series[1].name == "used;dc=bj;rack=r1");
  check_values(series[1], Values(6, 2));
}

TEST_CASE("wrong arguments are errors that point to the call") {
  auto const source = figures();
  CHECK(error_of("areaBetween(a.one)", source).find("exactly 2") != std::string::npos);
  CHECK(error_of("divideSeries(a.one,srv.s1.*)", source).find("one series") != std::string::npos);
  CHECK(error_of("sumSeriesLists(a.one,srv.s1.*)", source).find("1 and 2") != std::string::npos);
  for (char const* target : {"log(a.one,1)",
                             "log(a.one,-2)",
                             "nPercentile(a.one,0)",
                             "nPercentile(a.one,101)",
                             "percentileOfSeries(a.*,-1)",
                             "removeAbovePercentile(a.one,0)",
                             "summarize(a.one,'0s')",
                             "summarize(a.one,'-5min')",
                             "hitcount(a.one,'0s')",
                             "integralByInterval(a.one,'0s')",
                             "smartSummarize(a.one,'1h','sum','fortnight')",
                             "timeStack(a.one,'1d',0,1000)",
                             "timeShift(a.one,'+9999y')",
                             "timeSlice(a.one,'no time')",
                             "grep(a.one,'(')",
                             "useSeriesAbove(a.one,0,'(','x')",
                             "useSeriesAbove(a.one,0,'.*','sum(')",
                             "applyByNode(a.*,1,'sum(%')",
                             "reduceSeries(a.*,'noSuch',1,'one')",
                             "reduceSeries(a.*,'scale',1,'one')",
                             "reduceSeries(a.*,'divideSeries',1,'one')",
                             "aliasQuery(a.one,'one','no','%d')",
                             "aliasQuery(a.one,'one','two','%d%d')",
                             "seriesByTag('dc!=x')",
                             "cactiStyle(a.one,'metric')",
                             "filterSeries(a.one,'sum','~',1)",
                             "scaleToSeconds(a.one,1e300)",
                             "movingAverage(a.one,'9999y')",
                             "events()"}) {
    CAPTURE(target);
    CHECK_FALSE(error_of(target, source).empty());
  }
}

TEST_CASE("summarize refuses intervals that make too many buckets") {
  test::MemorySource source;
  source.add("x", t0 - 3 * 365 * 86400, 86400, Values(3 * 365, 1));
  Window const years{t0 - 3 * 365 * 86400, t0, t0};
  auto const series = evaluate("summarize(x,'1s')", years, source);
  REQUIRE_FALSE(series);
  CHECK(series.error().code == Errc::malformed);
}
