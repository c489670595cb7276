#pragma once
// Which runtimes' part of a snapshot is whole: what they do not name then is nobody's container, or
// their word of it is on the way. A plain struct like Container.

#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::agent {

struct RuntimeState {
  bool docker = false;
  bool containerd = false;
  // containerd's; containers of each lie in the cgroup of its name, unless they ask for another.
  std::vector<std::string> namespaces;

  bool mesos = false;      // names may come of a Mesos agent
  std::string mesos_root;  // below which it makes cgroups; empty: where it does unless told

  // Of those that know of lives and ends.
  bool any() const { return docker || containerd; }
  // Whether who knows the containers of a cgroup that looks like `runtime`'s (ContainerPath) is
  // among them.
  bool tells_of(std::string_view runtime) const {
    if (runtime == "docker") return docker;
    if (runtime == "containerd") return containerd;
    if (runtime == "mesos") return mesos;
    return any() && (runtime == "unknown" || runtime == "kubernetes");
  }
};

}  // namespace dadvisor::agent
