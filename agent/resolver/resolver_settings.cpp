#include "agent/resolver/resolver_settings.hpp"

namespace dadvisor::agent {

config::OptionTable resolver_table(ResolverSettings& settings) {
  config::OptionTable table(
      "dadvisor-resolver",
      "Asks Docker and containerd which containers there are, in the place of "
      "a dadvisor-agent that may not.",
      DADVISOR_VERSION);
  table.ignore_other_keys();
  table.text("resolver_socket", settings.resolver_socket, "FILE",
             "the unix socket to listen on, where systemd does not hand one over");
  table.text("docker_socket", settings.docker_socket, "FILE",
             "the Docker daemon's unix socket; empty: none is asked");
  table.text("containerd_socket", settings.containerd_socket, "FILE",
             "containerd's unix socket, for what is not Docker's; empty: it is not asked");
  table.text("proc_root", settings.proc_root, "DIR", "the host's /proc, where it is elsewhere");
  table.choice("log_level", settings.log_level, {"debug", "info", "warning", "error"},
               "least severe lines that are logged");
  return table;
}

LogLevel log_level_of(ResolverSettings const& settings) {
  auto const& name = settings.log_level;
  if (name == "debug") return LogLevel::debug;
  if (name == "warning") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  return LogLevel::info;
}

}  // namespace dadvisor::agent
