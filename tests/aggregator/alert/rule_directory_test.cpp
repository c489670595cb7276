#include "aggregator/alert/rule_directory.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "rules_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::alert;
using dadvisor::aggregator::alert::test::TemporaryDirectory;

namespace {

void write(std::string const& file, std::string const& id, std::string const& expr = "a.b") {
  // As an editor does: a new file under the old name.
  std::ofstream(file + ".new") << "rules:\n- id: " << id << "\n  expr: " << expr
                               << "\n  crit: {when: \"> 1\"}\n";
  std::filesystem::rename(file + ".new", file);
}

}  // namespace

TEST_CASE("changed rule files are loaded again, all or none") {
  TemporaryDirectory directory;
  auto const one = directory.path() + "/one.yml";
  write(one, "one");
  SystemClock const clock;
  RuleDirectory watched(directory.path(), std::nullopt, clock, Log("test", LogLevel::error));
  CHECK_FALSE(watched.poll());  // nothing has changed

  write(directory.path() + "/two.yml", "two");
  auto rules = watched.poll();
  REQUIRE(rules);
  CHECK(rules->size() == 2);
  CHECK_FALSE(watched.poll());

  write(one, "uno");
  write(directory.path() + "/two.yml", "two", "sum(");
  CHECK_FALSE(watched.poll());  // the sound half is not taken either
  CHECK_FALSE(watched.poll());
  CHECK(watched.reloads().refused == 1);  // looked at once for each change

  write(directory.path() + "/two.yml", "two");
  rules = watched.poll();
  REQUIRE(rules);
  CHECK(rules->back().id == "uno");

  std::filesystem::remove(one);
  rules = watched.poll();
  REQUIRE(rules);
  CHECK(rules->size() == 1);
  CHECK(watched.reloads().taken == 3);
}

TEST_CASE("a directory that is away drops no rules") {
  TemporaryDirectory directory;
  auto const rules = directory.path() + "/rules.d";
  std::filesystem::create_directory(rules);
  write(rules + "/one.yml", "one");
  SystemClock const clock;
  RuleDirectory watched(rules, std::nullopt, clock, Log("test", LogLevel::error));
  std::filesystem::rename(rules, rules + ".away");
  CHECK_FALSE(watched.poll());
  CHECK(watched.reloads().refused == 1);
  std::filesystem::rename(rules + ".away", rules);
  CHECK(watched.poll());
}

TEST_CASE("rules are read again when the receivers that they may name change") {
  TemporaryDirectory directory;
  SystemClock const clock;
  std::ofstream(directory.path() + "/one.yml")
      << "rules:\n- {id: one, expr: a.b, crit: {when: \"> 1\"}, notify: [chat]}\n";
  RuleDirectory watched(directory.path(), std::set<std::string>{"chat"}, clock,
                        Log("test", LogLevel::error));
  watched.set_receivers({"chat"});
  CHECK_FALSE(watched.poll());
  watched.set_receivers({"hook"});
  CHECK_FALSE(watched.poll());  // the rule names nobody now: said once, and the rules stay
  CHECK_FALSE(watched.poll());
  CHECK(watched.reloads().refused == 1);
  watched.set_receivers({"hook", "chat"});
  CHECK(watched.poll());
  CHECK(watched.reloads().taken == 1);
}
