#pragma once
// What the agent's operator sets: the YAML file's keys and the flags, with their defaults. Read
// once in main.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/config/option_table.hpp"
#include "common/core/config/value.hpp"
#include "common/core/log.hpp"
#include "common/http/tls.hpp"

namespace dadvisor::agent {

struct Settings {
  std::vector<std::string> aggregators{"http://127.0.0.1:8686"};  // in the order of preference
  Nanoseconds fail_over_after = std::chrono::seconds(30);
  std::string token_file;
  std::string tls_ca;           // empty: the system's authorities
  std::string tls_certificate;  // empty: none is shown
  std::string tls_key;
  config::HostPort listen{"127.0.0.1", 8687};
  Nanoseconds step = std::chrono::seconds(10);
  std::string cluster = "default";
  std::string agent_id;  // empty: the host's name
  std::string data_dir = "/var/lib/dadvisor/agent";
  std::string resolver_socket = "/run/dadvisor-resolver.sock";        // empty: there is none
  std::string docker_socket = "/var/run/docker.sock";                 // empty: no Docker is asked
  std::string containerd_socket = "/run/containerd/containerd.sock";  // empty: it is not asked
  std::string mesos_agent = "http://127.0.0.1:5051";                  // empty: it is not asked
  Nanoseconds disk_pace = std::chrono::minutes(5);                    // 0: never
  bool blkio_enable = false;
  std::string services = "auto";
  bool nested = false;
  std::uint64_t spool_bytes = 256 << 20;
  Nanoseconds spool_age = std::chrono::hours(24);
  bool strict = false;
  std::string proc_root = "/proc";
  std::string sys_root = "/sys";
  std::string cgroup_prefix;
  std::string log_level = "info";
  std::string output = "table";  // of `once`
};

// The table that fills `settings`, which must outlive its load().
config::OptionTable settings_table(Settings& settings);

LogLevel log_level_of(std::string const& name);

// What is left to settle after load(), each against the system: agent_id from the host's name, the
// aggregator's URL, the data directory. Errors' contexts name the key's place and the remedy.
Result<void> complete(Settings& settings, config::OptionTable const& table);

// Makes the data directory. Where the default one cannot be had by this user and the operator
// named none, $XDG_STATE_HOME or ~/.local/state is taken.
Result<void> settle_data_dir(Settings& settings, config::OptionTable const& table);

// What the agent shows to an aggregator.
struct Credentials {
  std::string token;                          // bearer; empty: none
  std::shared_ptr<http::TlsCredentials> tls;  // null: the aggregator is asked in the clear
};

// The first line of token_file, and the files of TLS. Refused where others than the owner may read
// the token or the key.
Result<Credentials> read_credentials(Settings const& settings, config::OptionTable const& table,
                                     Log const& log);

}  // namespace dadvisor::agent
