#pragma once
// How the command's parts end and talk: exit codes, complaints on stderr, one request to an
// aggregator. One thread.

#include <string>

#include "common/http/client.hpp"

namespace CLI {
class App;
}

namespace dadvisor::aggregator::cli {

inline constexpr int exit_ok = 0, exit_failed = 1, exit_usage = 2, exit_connect = 3,
                     exit_denied = 4, exit_partial = 5;

// "dadvisor: WHAT" on stderr; returns `status`.
int complain(std::string const& what, int status);

// Where an aggregator answers: its port for readers, or its admin socket as unix:/PATH.
struct Peer {
  std::string aggregator = "http://127.0.0.1:8686";
  std::string token_file;
  std::string ca_file;  // authorities of an https:// aggregator; empty: the system's
};

// The flags of a command that asks the port for readers: --aggregator, --token-file, --ca-file.
void add_peer_options(CLI::App& command, Peer& peer);

// An answer with status 200, or why there is none and how the command ends then.
struct Answer {
  std::string body;
  std::string complaint;
  int status = exit_ok;
  unsigned http_status = 0;  // 0: there was no answer
};
Answer ask(Peer const& peer, http::ClientRequest request);

}  // namespace dadvisor::aggregator::cli
