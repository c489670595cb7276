// dadvisor: the operator's command. Talks on stderr, answers on stdout. Exit codes: 0 ok, 1 a check
// failed, 2 usage, 3 cannot connect, 4 not authorised, 5 partial.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "aggregator/cli/alerts.hpp"
#include "aggregator/cli/ask.hpp"
#include "aggregator/cli/check_config.hpp"
#include "aggregator/cli/export_command.hpp"
#include "aggregator/cli/import_command.hpp"
#include "aggregator/cli/store_command.hpp"
#include "aggregator/ingest/host_tokens.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::aggregator::cli {
namespace {

int run_check_config(std::vector<std::string> const& paths, bool quiet) {
  auto const report = check_config(paths);
  for (auto const& one : report.unusable) complain(one, exit_usage);
  for (auto const& problem : report.problems) std::fprintf(stderr, "%s\n", problem.c_str());
  if (!quiet)
    for (auto const& file : report.files)
      std::printf("%s: %s%s\n", file.path.c_str(), to_string(file.kind),
                  file.rules > 0 ? fmt::format(", {} rules", file.rules).c_str() : "");
  if (!report.unusable.empty()) return exit_usage;
  if (report.files.empty())
    return complain("no *.yml there; name files, or a directory with some", exit_usage);
  if (!report.problems.empty())
    return complain(fmt::format("{} problems", report.problems.size()), exit_failed);
  if (!quiet) std::printf("ok\n");
  return exit_ok;
}

struct AlertsCommand {
  Peer peer;
  std::string output = "table";
  std::string rule, app, owner, state;
  bool resolved = false;
};

int run_alerts(AlertsCommand const& command) {
  http::ClientRequest request;
  request.target = "/api/v1/alerts";
  char joint = '?';
  auto const add = [&](char const* name, std::string const& value) {
    if (value.empty()) return;
    request.target += fmt::format("{}{}={}", joint, name, http::percent_encode(value));
    joint = '&';
  };
  add("rule", command.rule);
  add("app", command.app);
  add("owner", command.owner);
  add("state", command.state);
  add("resolved", command.resolved ? "1" : "");
  request.max_reply = 256 << 20;
  auto const answer = ask(command.peer, std::move(request));
  if (answer.status != exit_ok) return complain(answer.complaint, answer.status);
  if (command.output == "json") {
    std::fwrite(answer.body.data(), 1, answer.body.size(), stdout);
    std::fputc('\n', stdout);
    return exit_ok;
  }
  auto const table = alerts_table(answer.body, unix_seconds(SystemClock().wall()));
  if (!table) return complain(to_string(table.error()), exit_failed);
  std::fputs(table->c_str(), stdout);
  return exit_ok;
}

int run_token(std::string const& host) {
  auto const made = ingest::make_host_token(host);
  if (!made) return complain(to_string(made.error()), exit_usage);
  std::printf("%s\n%s\n", made->token.c_str(), made->line.c_str());
  return exit_ok;
}

int run(int argc, char** argv) {
  CLI::App app("dAdvisor's operator command: checks configuration, shows alerts, keeps the store.",
               "dadvisor");
  app.set_version_flag("--version", "dadvisor " DADVISOR_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 ok, 1 a check failed, 2 usage, 3 cannot connect, 4 not authorised, "
      "5 partial.\n"
      "`dadvisor COMMAND --help` tells of one command.");

  std::vector<std::string> paths;
  bool quiet = false;
  auto* const check = app.add_subcommand(
      "check-config", "say all that is wrong with agent, aggregator, rule and notify files");
  check->add_option("path", paths, "files, or directories of *.yml")
      ->required()
      ->type_name("FILE|DIR");
  check->add_flag("-q,--quiet", quiet, "print problems alone");

  AlertsCommand command;
  auto* const alerts =
      app.add_subcommand("alerts", "list the alerts that are not OK, and who was told of them");
  add_peer_options(*alerts, command.peer);
  alerts->add_option("-o,--output", command.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  alerts->add_option("--rule", command.rule, "of this rule alone")->type_name("ID");
  alerts->add_option("--app", command.app, "of this app alone")->type_name("APP");
  alerts->add_option("--owner", command.owner, "of this owner alone")->type_name("OWNER");
  alerts->add_option("--state", command.state, "in this state alone")
      ->check(CLI::IsMember({"PENDING", "FIRING", "NODATA", "RESOLVED"}, CLI::ignore_case))
      ->type_name("STATE");
  alerts->add_flag("--resolved", command.resolved, "those that ended lately too");
  std::string token_host;
  auto* const token = app.add_subcommand(
      "token",
      "make a token by which one host writes its figures: the first line is for its token_file, "
      "the second for the aggregator's host_tokens_file");
  token->add_option("host", token_host, "its agent_id")->required()->type_name("HOST");
  StoreCommand store(app);
  ExportCommand exported(app);
  ImportCommand imported(app);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  if (check->parsed()) return run_check_config(paths, quiet);
  if (token->parsed()) return run_token(token_host);
  if (imported.parsed()) return imported.run();
  return store.parsed() ? store.run() : exported.parsed() ? exported.run() : run_alerts(command);
}

}  // namespace
}  // namespace dadvisor::aggregator::cli

int main(int argc, char** argv) {
  try {
    return dadvisor::aggregator::cli::run(argc, argv);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "dadvisor: %s\n", error.what());
    return 1;
  }
}
