#pragma once
// Which app a container is an instance of, which instance, and whose it is: from the labels and
// the environment that its orchestrator gave it. Names stay raw ("/shop/cart" for a Marathon id,
// whose leading slash tells it from all others); path nodes are made of them by the aggregator.
// Pure; any thread.

#include <string>

#include "agent/runtime/container.hpp"

namespace dadvisor::agent {

enum class Orchestrator {
  none,
  marathon,
  chronos,
  aurora,
  mesos,
  kubernetes,
  compose,
  swarm,
  nomad
};
char const* to_string(Orchestrator orchestrator);

struct Identity {
  std::string app;  // never empty
  // A stable slot where the orchestrator has one, else 12 digits of the id; of an id that somebody
  // chose ("default/web") the host, and the name where that is not the app's.
  std::string instance;
  std::string owner;  // comma list as written; empty when nobody said
  std::string task;   // the orchestrator's own name of this run; may be empty
  Orchestrator orchestrator = Orchestrator::none;
  bool operator==(Identity const&) const = default;
};

// dadvisor.{app,instance,owner} labels (in Marathon: app labels of these names) win one by one over
// what the first orchestrator that fits says; without any, app is the container's name. `host`: its
// name, for what is unique on a host only.
Identity identify(Container const& container, std::string const& host = {});

// A Kubernetes sandbox ("pause"): it holds a pod's namespaces and is no instance of anything.
bool is_sandbox(Container const& container);

// "registry:5000/team/web:1.2@sha256:..." -> "web".
std::string image_name(std::string_view image);

}  // namespace dadvisor::agent
