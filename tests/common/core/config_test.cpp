#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/core/config/option_table.hpp"
#include "common/core/fd.hpp"

using namespace dadvisor;
using namespace dadvisor::config;
using namespace std::chrono_literals;

TEST_CASE("a file that another program's keys stand in too is taken, but for mistakes in our own") {
  auto const path = std::filesystem::temp_directory_path() /
                    ("dadvisor-config-shared-" + std::to_string(getpid()) + ".yml");
  auto const load = [&](std::string const& yaml, bool shared) {
    std::string name = "none";
    OptionTable table("prog", "Does a thing.", "1.2.3");
    if (shared) table.ignore_other_keys();
    table.text("name", name, "NAME", "which");
    REQUIRE(replace_file(path.string(), yaml));
    char const* const argv[] = {"prog"};
    auto const loaded = table.load(1, argv, path.string());
    std::filesystem::remove(path);
    return loaded.run ? name : "refused";
  };
  std::string const yaml = "step: 5s\nname: it\nmail:\n  server: x\nlist: [a, b]\n";
  CHECK(load(yaml, true) == "it");
  CHECK(load(yaml, false) == "refused");
  CHECK(load("step: 5s\nname: [a, b]\n", true) == "refused");
  CHECK(load("step: 5s\nname\n", true) == "refused");
}

namespace {

struct Settings {
  Nanoseconds step = 10s;
  std::uint64_t spool = 256 << 20;
  HostPort listen{"127.0.0.1", 8687};
  std::string cluster = "default";
  std::string server;
  std::vector<std::string> rules{"/etc/rules"};
  bool quiet = false;
  std::string output = "table";
  std::int64_t count = 3;
};

struct Outcome {
  Settings settings;
  Loaded loaded;
  std::string step_from;
  std::string in_effect;
};

// Loads with `yaml` as the file (none when empty) and these flags.
Outcome load(std::string const& yaml, std::vector<std::string> flags = {}) {
  Outcome outcome;
  auto& to = outcome.settings;
  OptionTable table("prog", "Does a thing.", "1.2.3");
  table.duration("step", to.step, 1s, 60s, "how often");
  table.size("spool_bytes", to.spool, 1 << 20, 1ULL << 40, "how much");
  table.address("listen", to.listen, "where");
  table.text("cluster", to.cluster, "NAME", "which");
  table.text("mail.server", to.server, "URL", "by whom");
  table.list("rules", to.rules, "FILE", "which rules");
  table.boolean("quiet", to.quiet, "says less");
  table.integer("mail.count", to.count, 1, 10, "how many");
  table.choice("output", to.output, {"table", "json"}, "as what");
  table.verb("once", "one reading");
  auto const path = std::filesystem::temp_directory_path() /
                    ("dadvisor-config-" + std::to_string(getpid()) + ".yml");
  std::filesystem::remove(path);
  if (!yaml.empty()) REQUIRE(replace_file(path.string(), yaml));
  std::vector<char const*> argv{"prog"};
  for (auto const& flag : flags) argv.push_back(flag.c_str());
  outcome.loaded = table.load(static_cast<int>(argv.size()), argv.data(), path.string());
  std::filesystem::remove(path);
  auto& output = outcome.loaded.output;
  if (auto const at = output.find(path.string()); at != std::string::npos) {
    output.replace(at, path.string().size(), "FILE");
  }
  outcome.step_from = table.where("step");
  outcome.in_effect = table.in_effect();
  return outcome;
}

std::string error(std::string const& yaml, std::vector<std::string> flags = {}) {
  auto const outcome = load(yaml, std::move(flags));
  CHECK_FALSE(outcome.loaded.run);
  CHECK(outcome.loaded.exit_code == 2);
  return outcome.loaded.output;
}

}  // namespace

TEST_CASE("a program runs with no file and no flags") {
  auto const outcome = load("");
  CHECK(outcome.loaded.run);
  CHECK(outcome.loaded.file.empty());
  CHECK(outcome.settings.step == 10s);
  CHECK(outcome.settings.rules == std::vector<std::string>{"/etc/rules"});
}

TEST_CASE("the file is read, sections as dotted keys, and flags win over it") {
  auto const outcome = load(
      "# a comment\nstep: 1s\nspool_bytes: 64MiB\nmail:\n  server: smtp://a\n  count: 7\n"
      "rules: [a, b]\nquiet: yes\n",
      {"--step=2s", "--mail-server", "smtp://b", "once", "--output", "json"});
  REQUIRE(outcome.loaded.run);
  CHECK(outcome.loaded.verb == "once");
  CHECK(outcome.settings.step == 2s);
  CHECK(outcome.step_from == "--step");
  CHECK(outcome.settings.spool == 64 << 20);
  CHECK(outcome.settings.server == "smtp://b");
  CHECK(outcome.settings.count == 7);
  CHECK(outcome.settings.rules == std::vector<std::string>{"a", "b"});
  CHECK(outcome.settings.quiet);
  CHECK(outcome.settings.output == "json");
  CHECK(load("rules: [a, b]\n", {"--rules", "c", "--rules", "d"}).settings.rules ==
        std::vector<std::string>{"c", "d"});
  CHECK(load("rules: one\n").settings.rules == std::vector<std::string>{"one"});
  CHECK(load("", {"--quiet"}).settings.quiet);
  CHECK_FALSE(load("quiet: true\n", {"--quiet=false"}).settings.quiet);
  CHECK(load("", {"--step", "2s", "--step", "3s"}).settings.step == 3s);
}

TEST_CASE("what is in effect is printed as a file that has the same effect") {
  auto const plain = load("", {"--print-config"});
  CHECK(plain.loaded.run);
  CHECK(plain.loaded.print);
  CHECK(plain.in_effect ==
        "step: 10s\nspool_bytes: 256MiB\nlisten: 127.0.0.1:8687\ncluster: default\nmail:\n"
        "  server: \"\"\n  count: 3\nrules: [/etc/rules]\nquiet: false\noutput: table\n");
  auto const given = load("cluster: \"a: b # \\n\\\"c\"\nmail:\n  count: 7\nrules: []\n",
                          {"--step=9s", "--listen", "[::1]:1", "--quiet", "--step=45s"});
  REQUIRE(given.loaded.run);
  auto const again = load(given.in_effect);
  REQUIRE(again.loaded.run);
  CHECK(again.settings.cluster == "a: b # \n\"c");
  CHECK(again.settings.count == 7);
  CHECK(again.settings.rules.empty());
  CHECK(again.settings.step == 45s);
  CHECK(again.settings.listen == HostPort{"::1", 1});
  CHECK(again.settings.quiet);
  CHECK(given.in_effect.find("step: 45s  # --step\n") != std::string::npos);
}

TEST_CASE("an error names file, line, key and remedy") {
  CHECK(error("cluster: a\nstep: fast\n") ==
        "prog: FILE:2: step: 'fast' is not a duration; write 10s, 500ms, 2m, 1h30m or 7d\n");
  CHECK(error("step: 2h\n") ==
        "prog: FILE:1: step: '2h' is out of range; write one from 1s to 1m\n");
  CHECK(error("\nsetp: 1s\n") == "prog: FILE:2: setp: unknown key; did you mean 'step'?\n");
  CHECK(error("mail:\n  sever: x\n") ==
        "prog: FILE:2: mail.sever: unknown key; did you mean 'mail.server'?\n");
  CHECK(error("wholly_else: x\n") ==
        "prog: FILE:1: wholly_else: unknown key; prog --help lists the keys\n");
  CHECK(error("mail: x\n") == "prog: FILE:1: mail: a section; write its keys below it, indented\n");
  CHECK(error("step: 1s\nstep: 2s\n") == "prog: FILE:2: step: given twice; keep one of them\n");
  CHECK(error("step: [1s]\n") == "prog: FILE:1: step: takes one value, not a list\n");
  CHECK(error("step:\n") == "prog: FILE:1: step: has no value; write one or leave the line out\n");
  CHECK(error("output: xml\n") ==
        "prog: FILE:1: output: 'xml' is none of its values; write table or json\n");
  CHECK(error("a: b: c\n").starts_with("prog: FILE:1: not YAML: "));
  CHECK(error("rules: [x\n").starts_with("prog: FILE:"));
  CHECK(error("- a\n") == "prog: FILE:1: the file must hold lines of the form 'key: value'\n");
  CHECK(error("listen: 8687\n").find("lacking a port") != std::string::npos);
  CHECK(error("", {"--config", "/nonexistent.yml"}).find("/nonexistent.yml") != std::string::npos);
}

TEST_CASE("an error on the command line names the flag") {
  CHECK(error("", {"--step", "x"}) ==
        "prog: --step: 'x' is not a duration; write 10s, 500ms, 2m, 1h30m or 7d\n");
  CHECK(error("", {"--setp=1s"}) == "prog: --setp: unknown option; did you mean '--step'?\n");
  CHECK(error("", {"twice"}).find("twice: unknown word") != std::string::npos);
  CHECK(error("", {"--step"}).find("--step") != std::string::npos);
  CHECK(error("", {"once", "--wat"}).find("--wat: unknown option") != std::string::npos);
}

TEST_CASE("--help and --version say it and end") {
  auto const help = load("", {"--help"}).loaded;
  CHECK_FALSE(help.run);
  CHECK(help.exit_code == 0);
  CHECK(help.output.find("--spool-bytes SIZE") != std::string::npos);
  CHECK(help.output.find("[256MiB] (key: spool_bytes)") != std::string::npos);
  CHECK(help.output.find("once") != std::string::npos);
  CHECK(load("", {"--version"}).loaded.output == "prog 1.2.3\n");
}

TEST_CASE("durations, sizes and addresses are read as written") {
  CHECK(*parse_duration("1h30m") == 90min);
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("7d") == 168h);
  CHECK(*parse_duration("0") == 0s);
  for (auto const* bad : {"", "10", "s", "-1s", "1.5s", "10 s", "1S", "99999999999999d", "1h30"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
  CHECK(duration_text(90min) == "1h30m");
  CHECK(duration_text(1500ms) == "1s500ms");
  CHECK(duration_text(0s) == "0s");
  CHECK(*parse_size("256MiB") == 268435456);
  CHECK(*parse_size("10MB") == 10'000'000);
  CHECK(*parse_size("7") == 7);
  CHECK(size_text(268435456) == "256MiB");
  CHECK(size_text(1000) == "1000B");
  for (auto const* bad : {"", "MiB", "-1", "1.5GiB", "1 MiB", "1MiB2", "99999999TiB"}) {
    INFO(bad);
    CHECK_FALSE(parse_size(bad));
  }
  CHECK(*parse_host_port("[::1]:80") == HostPort{"::1", 80});
  CHECK(*parse_host_port("a", 5) == HostPort{"a", 5});
  CHECK(to_string(HostPort{"::1", 80}) == "[::1]:80");
  for (auto const* bad :
       {"", ":80", "a", "a:", "a:65536", "a:-1", "::1:80", "[::1", "[::1]80", "a/b:1"}) {
    INFO(bad);
    CHECK_FALSE(parse_host_port(bad));
  }
}
