// Our answers against those recorded from the real graphite-web (tests/fixtures/graphite), and that
// these leave out nothing of the language.

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "graphite-bridge/expression.hpp"
#include "graphite-bridge/render.hpp"
#include "memory_source.hpp"

using namespace dadvisor::graphite;

namespace {

std::string const folder = std::string(DADVISOR_FIXTURES) + "/graphite/";

bool same_value(boost::json::value const& theirs, boost::json::value const& ours) {
  if (theirs.is_null() || ours.is_null()) return theirs.is_null() && ours.is_null();
  double const left = theirs.to_number<double>();
  double const right = ours.to_number<double>();
  if (left == right) return true;
  return std::fabs(left - right) <= 1e-9 * std::max(std::fabs(left), std::fabs(right));
}

// Whether all known values are integers, as graphite-web prints counts; none where some are, or
// nothing is known.
std::optional<bool> all_integers(boost::json::array const& points) {
  std::size_t known = 0, integers = 0;
  for (auto const& point : points) {
    known += point.at(0).is_null() ? 0 : 1;
    integers += point.at(0).is_int64() ? 1 : 0;
  }
  if (known == 0 || (integers > 0 && integers < known)) return std::nullopt;
  return integers > 0;
}

void compare_series(boost::json::value const& theirs, boost::json::value const& ours) {
  CHECK(ours.at("target") == theirs.at("target"));
  CHECK(ours.at("tags") == theirs.at("tags"));
  auto const& expected = theirs.at("datapoints").as_array();
  auto const& actual = ours.at("datapoints").as_array();
  REQUIRE(actual.size() == expected.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    bool const same =
        expected[i].at(1) == actual[i].at(1) && same_value(expected[i].at(0), actual[i].at(0));
    if (!same && wrong++ == 0) {
      INFO("point " << i << ": " << expected[i] << " / " << actual[i]);
      CHECK(same);
    }
  }
  CHECK(wrong == 0);
  if (auto const integers = all_integers(expected)) CHECK(all_integers(actual) == integers);
}

std::string text_of(boost::json::value const& query, char const* key) {
  return std::string(query.at(key).as_string());
}

// "scale factor" for each parameter that is given in the tree.
void add_given(std::set<std::string>& given, ExpressionNode const& node) {
  if (node.function == nullptr) return;
  for (auto const& argument : node.arguments) {
    given.insert(node.function->name + " " + node.function->parameters[argument.parameter].name);
    if (argument.series) add_given(given, *argument.series);
  }
}

}  // namespace

TEST_CASE("answers are those of graphite-web") {
  auto source = test::MemorySource::load(folder + "series.txt");
  source.load_events(folder + "events.tsv");
  auto late = source;  // whose paths are read by those functions that need not have all of them
  late.match_paths();
  std::ifstream answers(folder + "answers.jsonl");
  REQUIRE(answers);
  std::size_t queries = 0;
  for (std::string line; std::getline(answers, line); ++queries) {
    auto const recorded = boost::json::parse(line);
    Parameters parameters{{"format", "json"}};
    for (char const* key : {"target", "from", "until", "now", "maxDataPoints"}) {
      auto value = text_of(recorded, key);
      if (!value.empty()) parameters.emplace(key, std::move(value));
    }
    INFO(text_of(recorded, "target")
         << " from " << text_of(recorded, "from") << " until " << text_of(recorded, "until")
         << " maxDataPoints " << text_of(recorded, "maxDataPoints"));
    auto const answer = render(parameters, 0, source);
    auto const answer_of_late = render(parameters, 0, late);
    REQUIRE(answer.has_value() == answer_of_late.has_value());
    if (answer) CHECK(answer->body == answer_of_late->body);
    if (recorded.at("status").as_int64() != 200) {
      // 400, or 500 where graphite-web stumbles over a wrong argument.
      CHECK(!answer);
      if (!answer) CHECK(answer.error().code == dadvisor::Errc::malformed);
      continue;
    }
    if (!answer) FAIL_CHECK(answer.error().context);
    if (!answer) continue;
    auto const ours = boost::json::parse(answer->body).as_array();
    auto const& theirs = recorded.at("answer").as_array();
    CHECK(ours.size() == theirs.size());
    if (ours.size() != theirs.size()) continue;
    for (std::size_t i = 0; i < theirs.size(); ++i) compare_series(theirs[i], ours[i]);
  }
  CHECK(queries == 1848);
}

TEST_CASE("each parameter of each function is in an answer of graphite-web") {
  std::ifstream answers(folder + "answers.jsonl");
  REQUIRE(answers);
  std::set<std::string> given;
  for (std::string line; std::getline(answers, line);) {
    auto const recorded = boost::json::parse(line);
    if (recorded.at("status").as_int64() != 200) continue;
    auto const target = parse_target(text_of(recorded, "target"));
    if (target) add_given(given, target->root());
  }
  for (auto const& [name, function] : standard_functions().functions()) {
    if (name.starts_with("randomWalk")) continue;  // no two answers of it are the same
    for (auto const& parameter : function.parameters) {
      CAPTURE(name, parameter.name);
      CHECK(given.contains(name + " " + parameter.name));
    }
  }
}
