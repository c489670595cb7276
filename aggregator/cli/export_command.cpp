#include "aggregator/cli/export_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "aggregator/cli/ask.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::cli {
namespace {

namespace json = boost::json;

bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7f;
  });
}

// As short as can be and yet the same double.
std::string value_text(json::value const& value) {
  return value.is_int64() ? std::to_string(value.get_int64())
                          : fmt::format("{}", value.to_number<double>());
}

}  // namespace

Result<std::string> plaintext_lines(std::string_view body, std::string& skipped) {
  Error const wrong{Errc::malformed, 0, "the answer is not that of a /render"};
  boost::system::error_code error;
  auto const parsed = json::parse(body, error);
  if (error || !parsed.is_array()) return wrong;
  std::string out;
  for (auto const& each : parsed.get_array()) {
    auto const* const series = each.if_object();
    auto const* const name = series != nullptr ? series->if_contains("target") : nullptr;
    auto const* const points = series != nullptr ? series->if_contains("datapoints") : nullptr;
    if (name == nullptr || !name->is_string() || points == nullptr || !points->is_array())
      return wrong;
    std::string_view const path(name->get_string());
    if (!is_plain(path)) {
      skipped += (skipped.empty() ? "" : ", ") + printable(path, 200);
      continue;
    }
    for (auto const& point : points->get_array()) {
      auto const* const pair = point.if_array();
      if (pair == nullptr || pair->size() != 2 || !pair->at(1).is_int64()) return wrong;
      if (!pair->at(0).is_number()) continue;  // absent
      out += fmt::format("{} {} {}\n", path, value_text(pair->at(0)), pair->at(1).get_int64());
    }
  }
  return out;
}

struct ExportCommand::Options {
  CLI::App* command = nullptr;
  Peer peer;
  std::string target, from = "-24h", until = "now", format = "csv", zone = "UTC";
};

ExportCommand::ExportCommand(CLI::App& app) : options_(std::make_unique<Options>()) {
  Options& o = *options_;
  o.command = app.add_subcommand(
      "export",
      "print the values of a Graphite target: rows as they were taken where --from lies within "
      "their retention, else those of the finest tier that reaches back to it");
  o.command->add_option("target", o.target, "a path, a glob or an expression")
      ->required()
      ->type_name("TARGET");
  o.command->add_option("--from", o.from, "Graphite's times: -2d, 20261126, unix seconds")
      ->type_name("TIME")
      ->capture_default_str();
  o.command->add_option("--until", o.until)->type_name("TIME")->capture_default_str();
  o.command
      ->add_option("-f,--format", o.format,
                   "csv (name, time, value), or plaintext (what a carbon takes)")
      ->check(CLI::IsMember({"csv", "plaintext"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  o.command->add_option("--tz", o.zone, "of the times in CSV")
      ->type_name("ZONE")
      ->capture_default_str();
  add_peer_options(*o.command, o.peer);
}

ExportCommand::~ExportCommand() = default;

bool ExportCommand::parsed() const { return options_->command->parsed(); }

int ExportCommand::run() {
  Options const& o = *options_;
  bool const plaintext = o.format == "plaintext";
  http::ClientRequest request;
  request.target = "/render?format=" + std::string(plaintext ? "json" : "csv");
  for (auto const& [name, value] : {std::pair("target", &o.target), std::pair("from", &o.from),
                                    std::pair("until", &o.until), std::pair("tz", &o.zone)})
    request.target += fmt::format("&{}={}", name, http::percent_encode(*value));
  request.max_reply = std::size_t{4} << 30;
  request.timeout = std::chrono::minutes(10);
  auto answer = ask(o.peer, std::move(request));
  if (answer.status != exit_ok) return complain(answer.complaint, answer.status);
  std::string skipped;
  if (plaintext) {
    auto lines = plaintext_lines(answer.body, skipped);
    if (!lines) return complain(to_string(lines.error()), exit_failed);
    answer.body = std::move(*lines);
  }
  if (answer.body.empty() && skipped.empty())
    return complain("no value of " + printable(o.target) + " in that time", exit_failed);
  if (std::fwrite(answer.body.data(), 1, answer.body.size(), stdout) != answer.body.size() ||
      std::fflush(stdout) != 0)
    return complain("the output cannot be written: disk full?", exit_failed);
  if (!skipped.empty())
    return complain("left out, for a plaintext line cannot name them (use alias): " + skipped,
                    exit_failed);
  return exit_ok;
}

}  // namespace dadvisor::aggregator::cli
