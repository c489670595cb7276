#pragma once
// What a Mesos agent's endpoints say of its containers: /state (frameworks, executors, their tasks)
// and /containers, as Mesos 0.28 to 1.11 write them. What is no such document is Errc::malformed;
// what a version does not tell keeps its default. Pure; any thread.

#include <map>
#include <string>
#include <string_view>

#include "agent/runtime/container.hpp"
#include "agent/runtime/wanted_keys.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent::mesos {

// Names of containers by the last part of their ContainerID, which is their cgroup's name. The
// scheduler's part of it is given as the environment that the same task would have in Docker, and
// MESOS_FRAMEWORK_NAME, so that identity has one way. Of labels what the wanted keys allow is kept,
// in lower case too ("OWNER").
using Names = std::map<std::string, Container, std::less<>>;

struct State {
  std::string cgroups_root;  // "/mesos", by the flag of that name
  Names names;               // those that ended lately too
};
Result<State> parse_state(std::string_view json, WantedKeys const& wanted);

// Adds from /containers?show_nested=true what /state did not tell of.
Result<void> add_containers(std::string_view json, Names& names);

}  // namespace dadvisor::agent::mesos
