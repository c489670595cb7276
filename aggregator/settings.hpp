#pragma once
// What the aggregator's operator sets: the YAML file's keys and the flags, with their defaults.
// Read once in main.

#include <cstdint>
#include <string>

#include "common/core/clock.hpp"
#include "common/core/config/option_table.hpp"
#include "common/core/config/value.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::aggregator {

struct Settings {
  config::HostPort listen{"127.0.0.1", 8686};
  std::string token_file;
  std::string host_tokens_file;  // hashes of tokens that hosts have of their own; empty: none
  std::string tls_certificate;   // empty: in the clear
  std::string tls_key;
  std::string tls_client_ca;  // empty: clients are asked for no certificate
  std::string admin_socket = "/run/dadvisor/admin.sock";  // empty: none
  std::string data_dir = "/var/lib/dadvisor/aggregator";
  std::string rules_dir = "/etc/dadvisor/rules.d";
  std::string prefix = "dadvisor";
  std::string external_url;
  Nanoseconds retention = std::chrono::hours(48);
  Nanoseconds retention_1m_instances = std::chrono::days(7);
  Nanoseconds retention_1m = std::chrono::days(30);
  Nanoseconds retention_10m = std::chrono::days(730);
  bool compress_tiers = true;
  Nanoseconds head_span = std::chrono::minutes(10);
  std::int64_t query_threads = 0;  // 0: cores - 2, at least 1
  std::int64_t query_series = 10'000;
  std::int64_t query_points = 10'000'000;
  std::int64_t query_memory_mb = 256;
  Nanoseconds query_time = std::chrono::seconds(10);
  Nanoseconds evaluate_every = std::chrono::seconds(10);
  std::string log_level = "info";

  std::string graphite_listen;         // plaintext; empty: off
  std::string graphite_pickle_listen;  // empty: off
  std::string graphite_udp_listen;     // plaintext in datagrams; empty: off
  bool graphite_jsonp = false;
  std::string graphite_conf_dir;  // with carbon's files; empty: carbon's defaults

  std::vector<std::string> carbon;  // HOST:PORT or HOST:PORT:INSTANCE; empty: none
  std::string carbon_protocol = "plaintext";
  std::int64_t carbon_replication = 1;  // how many of them get a path
  std::string carbon_conf_dir;          // with carbon's lists and rewrite rules; empty: none
  bool carbon_instances = false;

  std::string remote_write_url;         // Prometheus remote write; empty: off
  std::string remote_write_token_file;  // empty: none
  std::string remote_write_ca_file;     // empty: the system's
  bool remote_write_instances = false;

  std::string mail_server;  // smtp://HOST:PORT or smtps://HOST:PORT; empty: no mail
  std::string mail_from = "dadvisor@localhost";
  std::string mail_user;
  std::string mail_password_file;
  std::string mail_tls = "required";  // STARTTLS: required, optional, none
  std::string mail_ca_file;
  std::string notify_file = "/etc/dadvisor/notify.yml";  // receivers and owners
};

// The table that fills `settings`, which must outlive its load().
config::OptionTable settings_table(Settings& settings);

// query_limits.*.
graphite::QueryLimits query_limits(Settings const& settings);

}  // namespace dadvisor::aggregator
