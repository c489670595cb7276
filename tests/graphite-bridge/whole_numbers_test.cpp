// What is an int in graphite-web was read in functions.py and safe.py there (1.1.8), and is held
// against its recorded answers in corpus_test.cpp.

#include "graphite-bridge/whole_numbers.hpp"

#include <catch2/catch.hpp>

#include "graphite-bridge/evaluate.hpp"
#include "memory_source.hpp"

using namespace dadvisor::graphite;

namespace {

constexpr std::int64_t t0 = 1480291200;

// Whether the one series that `target` makes is of whole numbers.
bool whole(std::string const& target) {
  test::MemorySource source;
  source.add("a.one", t0, 10, {1, absent, 3, 4, absent, 6, 7});
  source.add("a.two", t0, 10, {1, 2, 3, 4, 5, 6, 7});
  source.add("nothing", t0, 10, {absent, absent, absent, absent, absent, absent, absent});
  source.add("slow", t0, 30, {1, 2, 3});
  INFO(target);
  auto const made = evaluate(target, {t0, t0 + 60, t0 + 600}, source);
  if (!made) FAIL(made.error().context);
  REQUIRE(made->size() == 1);
  return made->front().whole;
}

// `target` with six ints for each %.
std::string of_counts(std::string const& target) {
  std::string out;
  for (char const c : target) out += c == '%' ? "isNonNull(a.one)" : std::string(1, c);
  return out;
}

}  // namespace

TEST_CASE("counts are whole numbers, values are not") {
  for (char const* target :
       {"countSeries(a.*)", "countSeries()", "isNonNull(a.one)", "changed(a.one)", "identity('t')",
        "aggregate(a.*,'count')", "groupByNode(a.*,0,'count')", "movingWindow(a.two,2,'count')",
        "summarize(a.one,'20s','count')", "aggregateLine(a.one,'count')", "transformNull(nothing)"})
    CHECK(whole(target));
  for (char const* target : {"a.one", "sumSeries(a.*)", "time('t')", "constantLine(2)",
                             "transformNull(nothing,0)", "transformNull(a.one)"})
    CHECK_FALSE(whole(target));
}

TEST_CASE("functions hand on whole numbers for as long as they neither divide nor take a float") {
  for (char const* function : {"sumSeries(%)",
                               "diffSeries(%,%)",
                               "maxSeries(%)",
                               "absolute(%)",
                               "alias(%,'x')",
                               "delay(%,1)",
                               "derivative(%)",
                               "hitcount(%,'30s')",
                               "keepLastValue(%)",
                               "interpolate(%)",
                               "limit(%,1)",
                               "movingSum(%,2)",
                               "movingMedian(%,3)",
                               "multiplySeries(%)",
                               "powSeries(%)",
                               "nPercentile(%,50)",
                               "percentileOfSeries(%,50)",
                               "offsetToZero(%)",
                               "removeAboveValue(%,2)",
                               "round(%,1)",
                               "stacked(%)",
                               "summarize(%,'20s','sum')",
                               "timeShift(%,'10s')",
                               "aggregateLine(%,'max')",
                               "groupByNode(%,0,'sum')",
                               "transformNull(%)",
                               "nonNegativeDerivative(%)",
                               "consolidateBy(%,'max')"})
    CHECK(whole(of_counts(function)));
  for (char const* function : {"averageSeries(%)",
                               "rangeOfSeries(%)",
                               "stddevSeries(%)",
                               "multiplySeries(%,%)",
                               "divideSeries(%,%)",
                               "asPercent(%)",
                               "powSeries(%,%)",
                               "scale(%,2)",
                               "add(%,2)",
                               "offset(%,2)",
                               "invert(%)",
                               "log(%)",
                               "minMax(%)",
                               "perSecond(%)",
                               "squareRoot(%)",
                               "exponentialMovingAverage(%,2)",
                               "movingAverage(%,2)",
                               "movingMedian(%,2)",
                               "stdev(%,2)",
                               "integralByInterval(%,'20s')",
                               "linearRegression(%)",
                               "summarize(%,'20s','average')",
                               "summarize(%,'20s','median')",
                               "aggregateLine(%,'avg')",
                               "aggregateLine(%,'median')",
                               "integral(%)",
                               "sumSeries(%,a.two)",
                               "percentileOfSeries(%,50,true)",
                               "scaleToSeconds(%,5)",
                               "groupByNode(%,0,'asPercent')"})
    CHECK_FALSE(whole(of_counts(function)));
}

TEST_CASE("values put together to a longer step are whole where that is no average") {
  CHECK_FALSE(whole("sumSeries(isNonNull(a.one),isNonNull(slow))"));
  CHECK(whole("sumSeries(consolidateBy(isNonNull(a.one),'sum'),isNonNull(slow))"));
  CHECK_FALSE(whole("sumSeries(consolidateBy(isNonNull(a.one),'avg_zero'),isNonNull(slow))"));
}

TEST_CASE("a median is whole where there is one in the middle") {
  CHECK(whole("aggregate(group(isNonNull(a.one),isNonNull(a.two),countSeries(a.*)),'median')"));
  CHECK_FALSE(whole("aggregate(group(isNonNull(a.one),isNonNull(a.two)),'median')"));
}

TEST_CASE("a stack on floats is of floats") {
  test::MemorySource source;
  source.add("a", t0, 10, {1, 2, 3});
  auto const made =
      evaluate("stacked(group(isNonNull(a),a,isNonNull(a)))", {t0, t0 + 20, t0 + 600}, source);
  REQUIRE(made);
  REQUIRE(made->size() == 3);
  CHECK((*made)[0].whole);
  CHECK_FALSE((*made)[1].whole);
  CHECK_FALSE((*made)[2].whole);
}

TEST_CASE("no function tells of whole numbers but by the name of one that there is") {
  for (char const* name : {"sumSeries", "alias", "isNonNull", "summarize", "timeShift", "identity"})
    CHECK(tells_whole(*standard_functions().find(name)));
  for (char const* name : {"scale", "integral", "stdev", "perSecond", "sin", "time"})
    CHECK_FALSE(tells_whole(*standard_functions().find(name)));
  Function strange;
  strange.name = strange.group = "strange";
  CHECK_FALSE(tells_whole(strange));
}
