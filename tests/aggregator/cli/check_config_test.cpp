#include "aggregator/cli/check_config.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "aggregator/cli/alerts.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::cli;

namespace {

class Etc {
 public:
  Etc()
      : path_(std::filesystem::temp_directory_path() /
              ("dadvisor-cli-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_ / "rules.d");
  }
  ~Etc() { std::filesystem::remove_all(path_); }
  Etc(Etc const&) = delete;
  std::string path(std::string const& name = "") const { return (path_ / name).string(); }
  void write(std::string const& name, std::string const& text) const {
    std::ofstream(path_ / name) << text;
  }
  // Its problems, without the directory's name.
  std::vector<std::string> problems() const {
    auto lines = check_config({path()}).problems;
    for (auto& line : lines)
      if (line.starts_with(path())) line.erase(0, path().size());
    return lines;
  }

 private:
  std::filesystem::path path_;
};

std::string const rule = "rules:\n- id: one\n  expr: a.b\n  crit: {when: \"> 1\"}\n";

}  // namespace

TEST_CASE("a sound directory: each file is known for what it is") {
  Etc etc;
  etc.write("agent.yml", "aggregator: http://127.0.0.1:8686\nstep: 1s\n");
  etc.write("aggregator.yml", "retention: 2d\nmail: {server: \"smtp://localhost\"}\n");
  etc.write("notify.yml", "receivers: {ops: {email: [ops@example.com]}}\n");
  etc.write("rules.d/one.yml", rule + "  notify: [ops]\n");
  etc.write("README", "no yaml: {{\n");
  auto const report = check_config({etc.path()});
  for (auto const& line : report.problems) UNSCOPED_INFO(line);
  CHECK(report.problems.empty());
  REQUIRE(report.files.size() == 4);
  CHECK(report.files[0].kind == FileKind::agent);
  CHECK(report.files[1].kind == FileKind::aggregator);
  CHECK(report.files[2].kind == FileKind::notify);
  CHECK(report.files[3].kind == FileKind::rules);
  CHECK(report.files[3].rules == 1);
}

TEST_CASE("slips of each kind of file are named by file, line and key, with a remedy") {
  Etc etc;
  etc.write("agent.yml", "aggregator: http://127.0.0.1:8686\nstpe: 1s\n");
  auto const agent = etc.problems();
  REQUIRE(agent.size() == 1);
  CHECK(agent[0].starts_with("agent.yml:2: "));
  CHECK(agent[0].find("did you mean") != std::string::npos);
  etc.write("agent.yml", "step: 10s\n");

  etc.write("aggregator.yml", "retention: soon\nrules_dir: /x\n");
  auto const aggregator = etc.problems();
  REQUIRE(aggregator.size() == 1);
  CHECK(aggregator[0].starts_with("aggregator.yml:1: retention"));
  etc.write("aggregator.yml", "rules_dir: /x\n");

  etc.write("notify.yml", "receivers:\n  ops: {email: [x]}\n");
  CHECK(etc.problems() == std::vector<std::string>{
                              "notify.yml:2: receivers.ops.email: \"x\" is not an address; write "
                              "user@domain"});
  etc.write("notify.yml", "receivers: {ops: {email: [ops@example.com]}}\n");

  etc.write("rules.d/one.yml", rule + "  notify: [opps]\n");
  etc.write("rules.d/two.yml", rule + "  notify: [ops]\n");
  CHECK(etc.problems().size() == 1);  // the id of the unsound one counts once it is mended
  etc.write("rules.d/one.yml", rule);
  auto const twice = etc.problems();
  REQUIRE(twice.size() == 1);
  CHECK(twice[0].find("is also at") != std::string::npos);
  etc.write("rules.d/two.yml", "rules:\n- id: [\n");
  CHECK(etc.problems().size() == 1);
}

TEST_CASE("what is not there is a matter of usage") {
  auto const report = check_config({"/nonexistent/agent.yml"});
  CHECK(report.unusable.size() == 1);
  CHECK(report.files.empty());
}

TEST_CASE("the stock rules pass as they are") {
  auto const report = check_config({DADVISOR_SOURCE "/packaging/rules"});
  CHECK(report.problems.empty());
  CHECK(report.files.size() == 2);
}

TEST_CASE("alerts become a table, the gravest first") {
  auto const table = alerts_table(R"({"alerts":[
    {"rule":"mem","instance":"a.b","state":"NODATA","level":null,"value":null,"since":1000,
     "app":null,"owner":null,"deliveries":[]},
    {"rule":"cpu","instance":"c.d","state":"FIRING","level":"crit","value":97.25,"since":1000,
     "app":"cart","owner":"pay","deliveries":[{"receiver":"email:a@b","phase":"sent"},
     {"receiver":"email:c@d","phase":"sent"},{"receiver":"wecom:x","phase":"retry"}]}]})",
                                  1090);
  REQUIRE(table);
  CHECK(*table ==
        "STATE   FOR    VALUE  RULE  APP   OWNER  INSTANCE  TOLD\n"
        "CRIT    1m30s  97.25  cpu   cart  pay    c.d       email sent x2, wecom retry\n"
        "NODATA  1m30s  -      mem   -     -      a.b       -\n");
  CHECK(*alerts_table(R"({"alerts":[]})", 0) == "no alerts\n");
  CHECK_FALSE(alerts_table("<html>", 0));
  CHECK_FALSE(alerts_table(R"({"alerts":3})", 0));
}
