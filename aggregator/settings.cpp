#include "aggregator/settings.hpp"

namespace dadvisor::aggregator {

using namespace std::chrono_literals;

config::OptionTable settings_table(Settings& settings) {
  config::OptionTable table("dadvisor-aggregator",
                            "Keeps what agents send, rolls it up, answers Graphite's render URLs, "
                            "feeds carbon and alerts the owners of apps.",
                            DADVISOR_VERSION);
  table.address("listen", settings.listen,
                "where agents and dashboards reach it; beyond loopback token_file is needed");
  table.text("token_file", settings.token_file, "FILE",
             "first line: the bearer token that agents and readers must show");
  table.text("host_tokens_file", settings.host_tokens_file, "FILE",
             "lines HOST SHA256 of tokens by which hosts write their own figures and nothing else; "
             "read again when changed");
  table.text("tls_certificate", settings.tls_certificate, "FILE",
             "certificate of this aggregator, and those above it: listen speaks TLS 1.3; empty: "
             "in the clear");
  table.text("tls_key", settings.tls_key, "FILE", "its private key, mode 0600");
  table.text("tls_client_ca", settings.tls_client_ca, "FILE",
             "authorities of certificates that agents may show; empty: none is asked for");
  table.text("admin_socket", settings.admin_socket, "PATH",
             "unix socket for what changes the store (dadvisor store delete, backup); empty: none");
  table.text("data_dir", settings.data_dir, "DIR", "log, spills, catalogue and alert journal");
  table.text("rules_dir", settings.rules_dir, "DIR", "alert rules, *.yml");
  table.text("notify_file", settings.notify_file, "FILE",
             "receivers, and the owners of apps by name");
  table.text("prefix", settings.prefix, "NODE", "first node of every Graphite path");
  table.text("external_url", settings.external_url, "URL",
             "how people reach this aggregator: the links in mails (default: by listen)");
  table.duration("retention", settings.retention, 1h, 24h * 366, "how long 10 s rows are kept");
  table.duration("retention_1m_instances", settings.retention_1m_instances, 48h, 24h * 3660,
                 "how long 1 min rows of instances are kept");
  table.duration("retention_1m", settings.retention_1m, 48h, 24h * 3660,
                 "how long 1 min rows of apps, hosts and totals are kept");
  table.duration("retention_10m", settings.retention_10m, 48h, 24h * 3660,
                 "how long their 10 min rows are kept");
  table.boolean("compress_tiers", settings.compress_tiers,
                "write 1 min and 10 min rows compressed by zstd");
  table.duration("head_span", settings.head_span, 1s, 20min,
                 "how often rows move from memory to a spill file");
  table.integer("query_threads", settings.query_threads, 0, 256,
                "threads that answer queries; 0: cores - 2, at least 1");
  table.integer("query_limits.series", settings.query_series, 1, 50'000,
                "series that one query may keep; what it only adds up does not count");
  table.integer("query_limits.points", settings.query_points, 1, 1'000'000'000,
                "points of them, absent ones too");
  table.integer("query_limits.memory_mb", settings.query_memory_mb, 1, 65'536,
                "MiB that one query may take");
  table.duration("query_limits.time", settings.query_time, 10ms, 10min,
                 "how long one query may work");
  table.duration("evaluate_every", settings.evaluate_every, 1s, 10min,
                 "how often alert rules are evaluated; the agents' step");
  table.choice("log_level", settings.log_level, {"debug", "info", "warning", "error"},
               "least severe lines that are logged");
  table.text("graphite.listen", settings.graphite_listen, "HOST:PORT",
             "where Graphite plaintext is taken, by TCP; PORT alone: on loopback; empty: nowhere");
  table.text("graphite.pickle_listen", settings.graphite_pickle_listen, "HOST:PORT",
             "the same for Graphite's pickle protocol");
  table.text("graphite.udp_listen", settings.graphite_udp_listen, "HOST:PORT",
             "the same for plaintext in UDP datagrams");
  table.text("graphite.conf_dir", settings.graphite_conf_dir, "DIR",
             "carbon's storage-schemas.conf and its like; read again when changed");
  table.boolean("graphite.jsonp", settings.graphite_jsonp,
                "answer queries as scripts for pages of other origins (jsonp=CALLBACK)");
  table.list(
      "carbon", settings.carbon, "HOST:PORT",
      "a carbon or relay that gets apps, hosts and totals; several, or HOST:PORT:INSTANCE: by "
      "carbon's consistent hashing; empty: none");
  table.choice("carbon_protocol", settings.carbon_protocol, {"plaintext", "pickle"},
               "what they are spoken to by");
  table.integer("carbon_replication", settings.carbon_replication, 1, 100,
                "how many of several carbons get a path");
  table.text("carbon_conf_dir", settings.carbon_conf_dir, "DIR",
             "whitelist.conf, blacklist.conf, rewrite-rules.conf and relay-rules.conf for what "
             "goes there; "
             "read again when changed");
  table.boolean("carbon_instances", settings.carbon_instances, "send instances to carbon too");
  table.text("remote_write.url", settings.remote_write_url, "URL",
             "who gets apps, hosts and totals by Prometheus remote write; empty: nobody");
  table.text("remote_write.token_file", settings.remote_write_token_file, "FILE",
             "first line: the bearer token that it wants; empty: none");
  table.text("remote_write.ca_file", settings.remote_write_ca_file, "FILE",
             "certificates to trust; empty: the system's");
  table.boolean("remote_write.instances", settings.remote_write_instances, "write instances too");
  table.text("mail.server", settings.mail_server, "URL",
             "HOST[:PORT], smtp://HOST:PORT or smtps://HOST:PORT; empty: no mails");
  table.text("mail.from", settings.mail_from, "ADDRESS", "sender of mails");
  table.text("mail.user", settings.mail_user, "NAME", "for AUTH; empty: none");
  table.text("mail.password_file", settings.mail_password_file, "FILE", "first line: its password");
  table.choice("mail.tls", settings.mail_tls, {"required", "optional", "none"},
               "STARTTLS: required, used where offered, or never");
  table.text("mail.ca_file", settings.mail_ca_file, "FILE",
             "certificates to trust; empty: the system's");
  return table;
}

graphite::QueryLimits query_limits(Settings const& settings) {
  graphite::QueryLimits limits;
  limits.series = static_cast<std::size_t>(settings.query_series);
  limits.points = static_cast<std::size_t>(settings.query_points);
  limits.memory = static_cast<std::size_t>(settings.query_memory_mb) << 20;
  limits.time = settings.query_time;
  return limits;
}

}  // namespace dadvisor::aggregator
