#include "graphite-bridge/function_list.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

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

}  // namespace

TEST_CASE("all of graphite-web's functions are there, with their group, parameters and signature") {
  auto const theirs = recorded_functions();
  // Where Python's own names or defaults of the parameters are others than those listed.
  std::set<std::string> const other_signatures{"aggregateWithWildcards",
                                               "highest",
                                               "legendValue",
                                               "lowest",
                                               "powSeries",
                                               "round",
                                               "stacked",
                                               "timeShift"};
  auto const ours = boost::json::parse(list_functions({}).body).as_object();
  CHECK(theirs.size() == 151);
  CHECK(ours.size() == theirs.size());
  for (auto const& [name, recorded] : theirs) {
    CAPTURE(std::string(name));
    auto const* function = ours.if_contains(name);
    REQUIRE(function != nullptr);
    CHECK(function->at("group") == recorded.at("group"));
    CHECK(function->at("params") == recorded.at("params"));
    bool const other = other_signatures.contains(std::string(name));
    CHECK((function->at("function") != recorded.at("function")) == other);
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
