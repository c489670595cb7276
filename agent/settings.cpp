#include "agent/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/core/fd.hpp"
#include "common/http/url.hpp"

namespace dadvisor::agent {

using namespace std::chrono_literals;

namespace {

// Creates what is missing, and sees whether files can be made in it.
Result<void> usable_directory(std::string const& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) return os_error(failure.value(), path);
  if (::access(path.c_str(), W_OK | X_OK) != 0) return os_error(errno, path);
  return {};
}

std::string state_directory_of_user() {
  if (char const* state = std::getenv("XDG_STATE_HOME"); state && *state == '/') return state;
  if (char const* home = std::getenv("HOME"); home && *home == '/') {
    return std::string(home) + "/.local/state";
  }
  return "";
}

}  // namespace

config::OptionTable settings_table(Settings& settings) {
  config::OptionTable table("dadvisor-agent",
                            "Reads what the containers of this host and the host itself use, and "
                            "sends it to a dadvisor-aggregator.",
                            DADVISOR_VERSION);
  table.list("aggregator", settings.aggregators, "URL",
             "where batches go: http://HOST:PORT[/PREFIX], https://... or unix:/PATH; of several "
             "the first that answers");
  table.duration("fail_over_after", settings.fail_over_after, 1s, 10min,
                 "how long an aggregator gives no useful answer before the next is sent to");
  table.text("token_file", settings.token_file, "FILE",
             "first line: the bearer token that the aggregator wants; empty: none");
  table.text("tls_ca", settings.tls_ca, "FILE",
             "authorities whose certificate an https:// aggregator must show; empty: the system's");
  table.text("tls_certificate", settings.tls_certificate, "FILE",
             "certificate that this agent shows to an https:// aggregator; empty: none");
  table.text("tls_key", settings.tls_key, "FILE", "its private key, mode 0600");
  table.address("listen", settings.listen, "where /healthz, /readyz and /metrics are served");
  table.duration("step", settings.step, 1s, 10min, "time between two readings, whole seconds");
  table.text("cluster", settings.cluster, "NAME", "second node of every Graphite path");
  table.text("agent_id", settings.agent_id, "NAME",
             "this host in every path, unique among agents (default: the host's name)");
  table.text("data_dir", settings.data_dir, "DIR", "the spool");
  table.text("resolver_socket", settings.resolver_socket, "FILE",
             "dadvisor-resolver's unix socket: where it is there at the start, it asks Docker and "
             "containerd in this program's place; empty: it is not used");
  table.text("docker_socket", settings.docker_socket, "FILE",
             "the Docker daemon's unix socket; empty: none is asked");
  table.text("containerd_socket", settings.containerd_socket, "FILE",
             "containerd's unix socket, for what is not Docker's; empty: it is not asked");
  table.text("mesos_agent", settings.mesos_agent, "URL",
             "this host's Mesos agent, asked where there are cgroups of Mesos; empty: it is not");
  table.duration("disk_pace", settings.disk_pace, 0s, 24h,
                 "time between two counts of what containers' layers and volumes hold; 0: never");
  table.boolean("blkio_enable", settings.blkio_enable,
                "where cgroup v1 does not count disk I/O, start it by a throttle rule; as root");
  table.choice("services", settings.services, {"auto", "always", "never"},
               "systemd services as instances; auto: where there is no container runtime");
  table.boolean("nested", settings.nested, "rows for containers inside containers as well");
  table.size("spool_bytes", settings.spool_bytes, 8 << 20, 1ULL << 40,
             "most that waits on disk while the aggregator is away");
  table.duration("spool_age", settings.spool_age, 1min, 24h * 7, "how long a batch may wait");
  table.boolean("strict", settings.strict, "sync each batch to disk before it is sent");
  table.text("proc_root", settings.proc_root, "DIR", "the host's /proc, where it is elsewhere");
  table.text("sys_root", settings.sys_root, "DIR", "the host's /sys, where it is elsewhere");
  table.text("cgroup_prefix", settings.cgroup_prefix, "DIR",
             "put before the mount points of cgroups; empty: none");
  table.choice("log_level", settings.log_level, {"debug", "info", "warning", "error"},
               "least severe lines that are logged");
  config::Option output;
  output.key = "output";
  output.letter = 'o';
  output.only_flag = true;
  output.value = "table|json";
  output.help = "once, doctor, bench: how it is printed";
  output.shown_default = settings.output;
  output.set = [&settings](std::string_view given) -> Result<void> {
    if (given != "table" && given != "json") {
      return Error{Errc::malformed, 0,
                   "'" + printable(given, 100) + "' is no form; write table or json"};
    }
    settings.output = given;
    return {};
  };
  table.add(std::move(output));
  table.verb("once", "Print one reading of the containers and the host, and exit");
  table.verb("bench", "Measure what a tick costs on this host, file by file, and exit");
  table.verb("doctor", "Say what hinders the agent on this host and what to do about it, and exit");
  return table;
}

LogLevel log_level_of(std::string const& name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "warning") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  return LogLevel::info;
}

Result<void> complete(Settings& settings, config::OptionTable const& table) {
  auto const wrong = [&](char const* key, std::string const& what) {
    return Error{Errc::malformed, 0, table.where(key) + ": " + what};
  };
  if (settings.aggregators.empty()) return wrong("aggregator", "none; write at least one URL");
  bool tls = false;
  for (auto const& aggregator : settings.aggregators) {
    auto const url = http::parse_url(aggregator);
    if (!url) return wrong("aggregator", url.error().context);
    if (std::ranges::count(settings.aggregators, aggregator) > 1)
      return wrong("aggregator", printable(aggregator, 200) + " stands there twice; write it once");
    tls = tls || url->origin.tls;
  }
  for (auto const& [key, file] : {std::pair("tls_ca", &settings.tls_ca),
                                  std::pair("tls_certificate", &settings.tls_certificate),
                                  std::pair("tls_key", &settings.tls_key)})
    if (!tls && !file->empty())
      return wrong(key, "no aggregator is asked by TLS; write aggregator: https://...");
  if (settings.tls_certificate.empty() != settings.tls_key.empty())
    return wrong(settings.tls_key.empty() ? "tls_certificate" : "tls_key",
                 "a certificate and its key belong together; give tls_certificate and tls_key");
  if (!settings.mesos_agent.empty()) {
    auto const url = http::parse_url(settings.mesos_agent);
    if (!url) return wrong("mesos_agent", url.error().context);
    if (url->origin.tls) return wrong("mesos_agent", "only http:// is spoken to a Mesos agent");
  }
  if (settings.step % 1s != Nanoseconds::zero()) {
    return wrong("step", "no whole number of seconds; write 1s, 5s or 10s");
  }
  if (settings.agent_id.empty()) {
    char name[256] = "";
    if (::gethostname(name, sizeof name - 1) != 0 || *name == '\0') {
      return wrong("agent_id", "this host has no name; write one");
    }
    settings.agent_id = name;
  }
  if (settings.agent_id.size() > 255) {
    return wrong("agent_id", "longer than 255 bytes; write a shorter one");
  }
  if (settings.cluster.empty()) return wrong("cluster", "empty; write a name or leave it out");
  return {};
}

Result<void> settle_data_dir(Settings& settings, config::OptionTable const& table) {
  auto usable = usable_directory(settings.data_dir);
  if (usable) return {};
  auto const user_state = state_directory_of_user();
  if (!table.given("data_dir") && !user_state.empty()) {
    auto const own = user_state + "/dadvisor/agent";
    if (usable_directory(own)) {
      settings.data_dir = own;
      return {};
    }
  }
  return Error{usable.error().code, usable.error().os_error,
               table.where("data_dir") + ": " + usable.error().context +
                   "; name a directory that this user may write"};
}

namespace {

Result<std::string> read_token(Settings const& settings, config::OptionTable const& table) {
  if (settings.token_file.empty()) return std::string();
  auto const place = table.where("token_file");
  auto const file = open_file(settings.token_file, O_RDONLY);
  if (!file) return file.error().within(place);
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return os_error(errno, place);
  if ((status.st_mode & 077) != 0) {
    return Error{Errc::denied, 0,
                 place + ": " + settings.token_file + " is open to others; chmod 600 it"};
  }
  auto text = read_file(settings.token_file, 64 << 10);
  if (!text) return text.error().within(place);
  auto token = text->substr(0, text->find_first_of("\r\n"));
  if (token.empty()) return Error{Errc::malformed, 0, place + ": its first line is empty"};
  for (char const c : token) {
    if (c <= ' ' || c == '\x7f') {
      return Error{Errc::malformed, 0, place + ": the token holds a blank or a control byte"};
    }
  }
  return token;
}

}  // namespace

Result<Credentials> read_credentials(Settings const& settings, config::OptionTable const& table,
                                     Log const& log) {
  Credentials credentials;
  auto token = read_token(settings, table);
  if (!token) return token.error();
  credentials.token = std::move(*token);
  if (std::ranges::none_of(settings.aggregators,
                           [](auto const& url) { return url.starts_with("https://"); }))
    return credentials;
  auto tls = http::TlsCredentials::for_client(
      {settings.tls_certificate, settings.tls_key, settings.tls_ca}, log.named("tls"));
  if (!tls) return tls.error().within("TLS to the aggregator");
  credentials.tls = std::move(*tls);
  return credentials;
}

}  // namespace dadvisor::agent
