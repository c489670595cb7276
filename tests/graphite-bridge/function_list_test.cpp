#include "graphite-bridge/function_list.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "graphite-bridge/aggregation.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

TEST_CASE("each function is listed with what Grafana reads") {
  auto const list = boost::json::parse(list_functions({}).body).as_object();
  CHECK(list.size() == standard_functions().functions().size());
  for (auto const& [name, function] : list) {
    CAPTURE(std::string(name));
    CHECK(function.at("name").as_string() == name);
    CHECK_FALSE(function.at("description").as_string().empty());
    CHECK_FALSE(function.at("group").as_string().empty());
    auto const& parameters = function.at("params").as_array();
    for (std::size_t i = 0; i + 1 < parameters.size(); ++i) {
      CHECK_FALSE(parameters[i].as_object().contains("multiple"));
    }
  }
  for (char const* needed : {"aggregate",
                             "aggregateWithWildcards",
                             "alias",
                             "aliasByMetric",
                             "aliasByNode",
                             "aliasByTags",
                             "aliasQuery",
                             "aliasSub",
                             "alpha",
                             "applyByNode",
                             "areaBetween",
                             "averageAbove",
                             "averageBelow",
                             "averageSeries",
                             "averageSeriesWithWildcards",
                             "avg",
                             "asPercent",
                             "absolute",
                             "cactiStyle",
                             "changed",
                             "color",
                             "consolidateBy",
                             "constantLine",
                             "countSeries",
                             "cumulative",
                             "currentAbove",
                             "currentBelow",
                             "dashed",
                             "delay",
                             "derivative",
                             "diffSeries",
                             "divideSeries",
                             "divideSeriesLists",
                             "drawAsInfinite",
                             "events",
                             "exclude",
                             "exponentialMovingAverage",
                             "fallbackSeries",
                             "grep",
                             "group",
                             "groupByNode",
                             "groupByNodes",
                             "groupByTags",
                             "highest",
                             "highestAverage",
                             "highestCurrent",
                             "highestMax",
                             "hitcount",
                             "integral",
                             "integralByInterval",
                             "interpolate",
                             "invert",
                             "isNonNull",
                             "keepLastValue",
                             "legendValue",
                             "limit",
                             "lineWidth",
                             "log",
                             "lowest",
                             "lowestAverage",
                             "lowestCurrent",
                             "mapSeries",
                             "maxSeries",
                             "maximumAbove",
                             "maximumBelow",
                             "minSeries",
                             "minimumAbove",
                             "minimumBelow",
                             "mostDeviant",
                             "movingAverage",
                             "movingMax",
                             "movingMedian",
                             "movingMin",
                             "movingSum",
                             "movingWindow",
                             "multiplySeries",
                             "multiplySeriesWithWildcards",
                             "nPercentile",
                             "nonNegativeDerivative",
                             "offset",
                             "offsetToZero",
                             "pct",
                             "perSecond",
                             "percentileOfSeries",
                             "pow",
                             "rangeOfSeries",
                             "reduceSeries",
                             "removeAbovePercentile",
                             "removeAboveValue",
                             "removeBelowPercentile",
                             "removeBelowValue",
                             "round",
                             "scale",
                             "scaleToSeconds",
                             "secondYAxis",
                             "seriesByTag",
                             "smartSummarize",
                             "sortBy",
                             "sortByMaxima",
                             "sortByMinima",
                             "sortByName",
                             "sortByTotal",
                             "squareRoot",
                             "stacked",
                             "stddevSeries",
                             "substr",
                             "sum",
                             "sumSeries",
                             "sumSeriesWithWildcards",
                             "summarize",
                             "threshold",
                             "timeShift",
                             "timeSlice",
                             "timeStack",
                             "transformNull",
                             "unique",
                             "useSeriesAbove"}) {
    CAPTURE(needed);
    CHECK(list.contains(needed));
  }
}

TEST_CASE("one function is described as graphite-web describes it") {
  auto const answer = describe_function("movingAverage", {});
  REQUIRE(answer);
  auto const function = boost::json::parse(answer->body);
  CHECK(function.at("function").as_string() ==
        "movingAverage(seriesList, windowSize, xFilesFactor=None)");
  CHECK(function.at("group").as_string() == "Calculate");
  CHECK(function.at("params") ==
        boost::json::parse(
            R"([{"name": "seriesList", "type": "seriesList", "required": true},
                {"name": "windowSize", "type": "intOrInterval", "required": true,
                 "suggestions": [5, 7, 10, "1min", "5min", "10min", "30min", "1hour"]},
                {"name": "xFilesFactor", "type": "float"}])"));
  CHECK(describe_function("noSuch", {}).error().code == Errc::not_found);
}

namespace {

boost::json::object recorded_functions() {
  std::ifstream file(std::string(DADVISOR_FIXTURES) + "/graphite/functions.json");
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return boost::json::parse(text.str()).as_object();
}

// Without the options that are functions which we have not.
boost::json::value without_unknown_options(boost::json::value parameters) {
  auto const& table = standard_functions();
  for (auto& parameter : parameters.as_array()) {
    if (parameter.at("type") != "aggOrSeriesFunc") continue;
    auto& options = parameter.at("options").as_array();
    for (auto it = options.begin(); it != options.end();) {
      std::string const name(it->as_string());
      bool const known = table.find(name) != nullptr || find_aggregation(name).has_value();
      it = known ? it + 1 : options.erase(it);
    }
  }
  return parameters;
}

}  // namespace

TEST_CASE("each function has the group, parameters and signature of graphite-web's") {
  auto const theirs = recorded_functions();
  // Where Python's own names or defaults of the parameters are others than those listed.
  std::set<std::string> const other_signatures{"aggregateWithWildcards",
                                               "highest",
                                               "legendValue",
                                               "lowest",
                                               "round",
                                               "stacked",
                                               "timeShift"};
  auto const ours = boost::json::parse(list_functions({}).body).as_object();
  for (auto const& [name, function] : ours) {
    CAPTURE(std::string(name));
    auto const* recorded = theirs.if_contains(name);
    REQUIRE(recorded != nullptr);
    CHECK(function.at("group") == recorded->at("group"));
    CHECK(function.at("params") == without_unknown_options(recorded->at("params")));
    bool const other = other_signatures.contains(std::string(name));
    CHECK((function.at("function") != recorded->at("function")) == other);
  }
}

TEST_CASE("defaults, options and infinities are written") {
  auto const body = describe_function("groupByNode", {})->body;
  CHECK(body.find("\"default\": \"average\"") != std::string::npos);
  CHECK(body.find("\"sumSeries\"") != std::string::npos);
  CHECK(describe_function("keepLastValue", {})->body.find("\"default\": 1e9999") !=
        std::string::npos);
}

TEST_CASE("the list can be of one group, or by group") {
  auto const alias = boost::json::parse(list_functions({{"group", "Alias"}}).body).as_object();
  CHECK(alias.contains("aliasSub"));
  CHECK_FALSE(alias.contains("scale"));
  auto const grouped = boost::json::parse(list_functions({{"grouped", "true"}}).body);
  CHECK(grouped.at("Transform").as_object().contains("scale"));
}
