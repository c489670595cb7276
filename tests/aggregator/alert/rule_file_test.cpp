#include "aggregator/alert/rule_file.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "rules_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::alert;
using dadvisor::aggregator::alert::test::TemporaryDirectory;

namespace {

LoadedRules load(std::string const& text,
                 std::optional<std::set<std::string>> const& receivers = std::nullopt) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() + "/one.yml") << text;
  auto loaded = load_rules(directory.path(), receivers);
  for (auto& error : loaded.errors) error.erase(0, directory.path().size() + 1);
  return loaded;
}

// A whole file around one rule's further lines.
std::string with(std::string const& lines) {
  return "apiVersion: dadvisor/v1\ngroups:\n- name: g\n  rules:\n  - id: r1\n    expr: a.b\n" +
         lines;
}

std::string const crit = "    crit: {when: \"> 90\"}\n";

}  // namespace

TEST_CASE("a whole rule is read") {
  auto const loaded = load(R"yml(
apiVersion: dadvisor/v1
groups:
- name: pay
  rules:
  - id: pay-cpu
    title: "{{app}} CPU is {{value}} ({{team}})"
    expr: aliasByNode(dadvisor.*.instances.pay.*.cpu.pct_limit, 4)
    reduce: avg(1m)
    crit: {when: "> 90", for: 3m, clear: "< 75"}
    warn: {when: ">= 80", for: 5m}
    no_data: {after: 1m}
    labels: {team: payments}
    notify: [owner, oncall]
)yml");
  REQUIRE(loaded.errors.empty());
  REQUIRE(loaded.rules.size() == 1);
  auto const& rule = loaded.rules[0];
  CHECK(rule.id == "pay-cpu");
  CHECK(rule.expr.target() == "aliasByNode(dadvisor.*.instances.pay.*.cpu.pct_limit, 4)");
  CHECK(rule.reduce.kind == Reduction::Kind::average);
  CHECK(rule.reduce.window == seconds(60));
  CHECK(to_string(*rule.crit) == "> 90 for 3m, clear < 75");
  CHECK(to_string(*rule.warn) == ">= 80 for 5m");
  CHECK(rule.no_data.after == seconds(60));
  CHECK(rule.labels.at("team") == "payments");
  CHECK(rule.notify == std::vector<std::string>{"owner", "oncall"});
  CHECK(rule.line == 6);
}

TEST_CASE("what is left out has its default") {
  auto const loaded = load(with(crit));
  REQUIRE(loaded.rules.size() == 1);
  auto const& rule = loaded.rules[0];
  CHECK(rule.title == "r1");
  CHECK(rule.reduce.kind == Reduction::Kind::last);
  CHECK(rule.no_data.after == seconds(120));
  CHECK(rule.no_data.notify);
  CHECK(rule.notify == std::vector<std::string>{"owner"});
  CHECK(rule.crit->hold == seconds(0));
  CHECK_FALSE(rule.warn);
}

TEST_CASE("rules may stand at the top, without a group or a version") {
  auto const loaded = load("rules:\n  - id: r1\n    expr: a.b\n    crit: {when: \"> 1\"}\n");
  CHECK(loaded.errors.empty());
  CHECK(loaded.rules.size() == 1);
  auto const wrong = load("rules:\n  - id: r1\n    expr: a.b(\n    crit: {when: \"> 1\"}\n");
  REQUIRE(wrong.errors.size() == 1);
  CHECK(wrong.errors[0].rfind("one.yml:3: rules[0].expr: ", 0) == 0);
}

TEST_CASE("each slip is one line with file, line, key and remedy") {
  auto const only = [](std::string const& text) {
    auto const loaded = load(text, std::set<std::string>{"oncall-pay"});
    REQUIRE(loaded.rules.empty());
    REQUIRE(loaded.errors.size() == 1);
    return loaded.errors[0];
  };
  CHECK(only(with(crit + "    treshold: 3\n    title: x\n")) ==
        "one.yml:8: groups[0].rules[0].treshold: unknown key; known here: id, title, expr, reduce, "
        "crit, warn, no_data, labels, notify, runbook");
  CHECK(only(with(crit + "    titel: x\n")) ==
        "one.yml:8: groups[0].rules[0].titel: unknown key; did you mean \"title\"?");
  CHECK(only(with("    crit: {when: \"90\"}\n")) ==
        "one.yml:7: groups[0].rules[0].crit.when: \"90\" is not a comparison with a number; write "
        "an operator and a number, as in \"> 90\"");
  CHECK(only(with("    crit: {when: \"> 90\", for: 3 minutes}\n")) ==
        "one.yml:7: groups[0].rules[0].crit.for: \"3 minutes\" is not a duration; write for "
        "example 10s, 3m or 1h");
  CHECK(only(with("    crit: {when: \"> 90\", clear: \"< 95\"}\n")) ==
        "one.yml:7: groups[0].rules[0].crit.clear: \"< 95\" can hold together with \"> 90\"; let "
        "it look the other way, from the good side of the threshold");
  CHECK(only(with("    crit: {when: \"> 70\"}\n    warn: {when: \"> 80\"}\n")) ==
        "one.yml:7: groups[0].rules[0].crit: \"> 70\" is reached before warn's \"> 80\"; exchange "
        "the two");
  CHECK(only(with("")) ==
        "one.yml:5: groups[0].rules[0].crit: neither crit nor warn is there; write for example "
        "crit: {when: \"> 90\", for: 3m}");
  CHECK(only(with(crit + "    reduce: mean(1m)\n")) ==
        "one.yml:8: groups[0].rules[0].reduce: \"mean(1m)\" is not a reduction; write last, or "
        "last, avg, max, min, sum with a window up to 24h, as in avg(1m)");
  CHECK(only(with(crit + "    notify: [owner, oncall-pai]\n")) ==
        "one.yml:8: groups[0].rules[0].notify: no receiver is called \"oncall-pai\"; did you mean "
        "\"oncall-pay\"?");
  CHECK(only(with(crit + "    title: \"{{ap}} is bad\"\n")) ==
        "one.yml:8: groups[0].rules[0].title: unknown name {{ap}}; did you mean {{app}}?");
  CHECK(only(with(crit + "    crit: {when: \"> 95\"}\n")) ==
        "one.yml:8: groups[0].rules[0].crit: is there twice; remove one of them");
  CHECK(only(with(crit + "    no_data: {after: 0s}\n")) ==
        "one.yml:8: groups[0].rules[0].no_data.after: out of range; write 1s to 24h");
}

TEST_CASE("a target that does not parse, and broken YAML, are named by line") {
  auto const target =
      load("apiVersion: dadvisor/v1\ngroups:\n- rules:\n  - id: r1\n    expr: noSuchFunction(a)\n" +
           crit);
  REQUIRE(target.errors.size() == 1);
  CHECK(target.errors[0].rfind("one.yml:5: groups[0].rules[0].expr: ", 0) == 0);
  auto const broken = load("apiVersion: dadvisor/v1\ngroups: [\n");
  REQUIRE(broken.errors.size() == 1);
  CHECK(broken.errors[0].rfind("one.yml:3: ", 0) == 0);
  CHECK(load("").errors.size() == 1);
  CHECK(load("- a\n").errors.size() == 1);
  CHECK(load("apiVersion: v2\ngroups: []\n").errors.size() == 1);
}

TEST_CASE("one bad rule keeps all from being loaded, and all slips are told at once") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() + "/a.yml") << with(crit);
  std::ofstream(directory.path() + "/b.yaml")
      << "apiVersion: dadvisor/v1\ngroups:\n- rules:\n  - id: bad id\n    expr: a.b\n"
      << crit << "  - id: r3\n"
      << crit;
  auto const loaded = load_rules(directory.path());
  CHECK(loaded.rules.empty());
  CHECK(loaded.errors.size() == 2);
}

TEST_CASE("an id that is there twice is refused across files; other files are passed over") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() + "/a.yml") << with(crit);
  std::ofstream(directory.path() + "/b.yml") << with(crit);
  std::ofstream(directory.path() + "/c.yml.bak") << "{{{";
  auto const loaded = load_rules(directory.path());
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors[0] == directory.path() + "/b.yml:5: id: \"r1\" is also at " +
                                directory.path() + "/a.yml:5; give one of them another id");
}

TEST_CASE("a directory that is not there is an error, an empty one is not") {
  CHECK(load_rules("/nonexistent/rules").errors.size() == 1);
  TemporaryDirectory directory;
  CHECK(load_rules(directory.path()).errors.empty());
}

TEST_CASE("comparisons") {
  CHECK(parse_comparison("> 90")->holds(90.1));
  CHECK_FALSE(parse_comparison("> 90")->holds(90));
  CHECK(parse_comparison(">=90")->holds(90));
  CHECK(parse_comparison("<1e9")->holds(5));
  CHECK(parse_comparison("<= -1.5")->holds(-1.5));
  CHECK(parse_comparison("!= 0")->holds(1));
  CHECK(parse_comparison("==3")->holds(3));
  for (auto const* bad : {"", ">", "90", "=> 3", "> nan", "> 3x", "> inf"})
    CHECK_FALSE(parse_comparison(bad));
}

TEST_CASE("titles") {
  LabelMap const values{{"app", "cart"}, {"value", "97"}};
  CHECK(render_title("{{app}}: {{ value }} %", values) == "cart: 97 %");
  CHECK(render_title("{{nothing}}x", values) == "x");
  CHECK(render_title("a {{ b", values) == "a {{ b");
  CHECK_FALSE(title_names("a {{ b"));
}

TEST_CASE("a runbook is a URL and becomes a label") {
  auto const sound = load(with(crit + "    runbook: https://wiki.example.com/cpu\n"));
  REQUIRE(sound.errors.empty());
  CHECK(sound.rules[0].labels.at("runbook") == "https://wiki.example.com/cpu");
  auto const script = load(with(crit + "    runbook: javascript:alert(1)\n"));
  REQUIRE(script.errors.size() == 1);
  CHECK(script.errors[0].find("runbook: not a URL") != std::string::npos);
}

TEST_CASE("a notice's condition reads back as its threshold") {
  for (auto const* text :
       {"> 90", ">= 0.5 for 3m", "< 10 for 1h30m, clear > 15", "== 0, clear != 0"}) {
    auto const threshold = parse_threshold(text);
    REQUIRE(threshold);
    CHECK(to_string(*threshold) == text);
  }
  CHECK_FALSE(parse_threshold(""));
  CHECK_FALSE(parse_threshold("> 90 for ever"));
  CHECK_FALSE(parse_threshold("> 90, clear whatever"));
}
