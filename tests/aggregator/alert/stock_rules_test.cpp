#include <catch2/catch.hpp>
#include <regex>

#include "aggregator/alert/rule_file.hpp"
#include "common/core/metric/metric.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::alert;

TEST_CASE("the stock rules load, and clear on the good side of where they fire") {
  auto const loaded = load_rules(DADVISOR_SOURCE "/packaging/rules", std::set<std::string>{});
  for (auto const& error : loaded.errors) UNSCOPED_INFO(error);
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.rules.size() == 15);
  std::size_t speak_of_missing_data = 0;
  for (auto const& rule : loaded.rules) {
    INFO(rule.id);
    speak_of_missing_data += rule.no_data.notify;
    CHECK(rule.notify == std::vector<std::string>{"owner"});
    // The steady ones have a second threshold; counts of what happened have none.
    bool const counts = rule.expr.target().find("_rate") != std::string::npos;
    if (rule.warn && !counts) CHECK(rule.warn->clear);
    if (rule.crit && !counts && rule.id != "agent-silent") CHECK(rule.crit->clear);
  }
  CHECK(speak_of_missing_data == 1);
}

TEST_CASE("the stock rules ask for figures that there are") {
  std::set<std::string> leaves;
  for (Metric const& metric : metrics()) {
    leaves.emplace(metric.leaf);
    if (metric.kind == MetricKind::counter) leaves.emplace(metric.rate_leaf);
  }
  auto const loaded = load_rules(DADVISOR_SOURCE "/packaging/rules");
  std::regex const path(
      R"(dadvisor\.\*\.(?:instances\.\*\.\*|hosts\.\*|apps\.\*\.(?:sum|all))\.([a-z0-9_.]+))");
  for (auto const& rule : loaded.rules) {
    auto const target = rule.expr.target();
    std::size_t found = 0;
    for (std::sregex_iterator it(target.begin(), target.end(), path), end; it != end; ++it) {
      INFO(rule.id << ": " << (*it)[1]);
      CHECK(leaves.contains((*it)[1]));
      ++found;
    }
    INFO(rule.id);
    CHECK(found > 0);
  }
}
