#pragma once
// What the resolver's operator sets: some of the agent's keys, in the agent's own file, so that a
// socket that stands elsewhere is named once. Read once in main.

#include <string>

#include "common/core/config/option_table.hpp"
#include "common/core/log.hpp"

namespace dadvisor::agent {

struct ResolverSettings {
  std::string resolver_socket = "/run/dadvisor-resolver.sock";
  std::string docker_socket = "/var/run/docker.sock";                 // empty: no Docker is asked
  std::string containerd_socket = "/run/containerd/containerd.sock";  // empty: it is not asked
  std::string proc_root = "/proc";
  std::string log_level = "info";
};

// The table that fills `settings`, which must outlive its load(). The agent's other keys are passed
// over.
config::OptionTable resolver_table(ResolverSettings& settings);

LogLevel log_level_of(ResolverSettings const& settings);

}  // namespace dadvisor::agent
