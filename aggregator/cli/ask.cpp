#include "aggregator/cli/ask.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "aggregator/notify/robot_file.hpp"

namespace dadvisor::aggregator::cli {

int complain(std::string const& what, int status) {
  std::fprintf(stderr, "dadvisor: %s\n", what.c_str());
  return status;
}

void add_peer_options(CLI::App& command, Peer& peer) {
  command.add_option("--aggregator", peer.aggregator, "where the aggregator listens")
      ->type_name("URL")
      ->envname("DADVISOR_AGGREGATOR")
      ->capture_default_str();
  command.add_option("--token-file", peer.token_file, "first line: the aggregator's token")
      ->type_name("FILE")
      ->envname("DADVISOR_TOKEN_FILE");
  command
      .add_option("--ca-file", peer.ca_file,
                  "authorities of an https:// aggregator (default: the system's)")
      ->type_name("FILE")
      ->envname("DADVISOR_CA_FILE");
}

Answer ask(Peer const& peer, http::ClientRequest request) {
  auto const url = http::parse_url(peer.aggregator);
  if (!url) return {"", "--aggregator: " + to_string(url.error()), exit_usage};
  bool const local = !url->origin.socket_path.empty();
  if (!peer.token_file.empty()) {
    auto const token = notify::read_secret(peer.token_file);
    if (!token) return {"", "--token-file: " + to_string(token.error()), exit_usage};
    request.headers.emplace_back("Authorization", "Bearer " + *token);
  }
  http::ClientOptions options;
  if (url->origin.tls) {
    auto tls = http::TlsCredentials::for_client({"", "", peer.ca_file}, Log("tls"));
    if (!tls) return {"", "--ca-file: " + to_string(tls.error()), exit_usage};
    options.tls = std::move(*tls);
  }
  http::Loop loop;
  http::Client client(loop, url->origin, options);
  std::optional<Result<http::Response>> reply;
  client.request(std::move(request), [&](Result<http::Response> got) {
    reply = std::move(got);
    loop.stop();
  });
  loop.run();
  if (!*reply && reply->error().code == Errc::denied && local)
    return {"", peer.aggregator + ": only its owner may open it; run this as that user or as root",
            exit_denied};
  if (!*reply)
    return {"",
            fmt::format("{}: {}; is the aggregator there? name it by {}", peer.aggregator,
                        to_string(reply->error()), local ? "--socket" : "--aggregator"),
            exit_connect};
  auto const& response = **reply;
  if (response.status == 401 || response.status == 403)
    return {"", "not authorised; give the aggregator's token by --token-file", exit_denied,
            response.status};
  if (response.status == 200) return {response.body, "", exit_ok, response.status};
  auto text = response.body.substr(0, 1000);
  while (text.ends_with('\n')) text.pop_back();
  return {"", fmt::format("{} answers {}: {}", peer.aggregator, response.status, text),
          response.status == 400 ? exit_usage : exit_failed, response.status};
}

}  // namespace dadvisor::aggregator::cli
