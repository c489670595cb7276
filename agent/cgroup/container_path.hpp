#pragma once
// Whose cgroup a path is: finds runtime and id of the container that a cgroup path belongs to.
//
// A container is known by its last component alone (docker-ID.scope, ID of 64 hex digits, ...),
// for --cgroup-parent and kubelets put it anywhere. What runtimes make inside or beside it does
// not count: /container, /leaf and /init below it, monitors (conmon). Figures are always read at
// the id's level, as v2 limits sit there. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::agent {

struct PathRules {
  // Below these cgroups each child is a container, whatever its name ("/lxc", "/domlab").
  std::vector<std::string> named_roots;
  // The same for the namespaces of containerd ("default"), by their names: "/default/web".
  std::vector<std::string> namespaces;
  // Below this one children with a UUID's name are Mesos containers, nested ones too.
  std::string mesos_root = "/mesos";
  // Whether systemd's *.service cgroups count: for hosts without a container runtime.
  bool services = false;
  bool operator==(PathRules const&) const = default;
};

struct ContainerPath {
  std::string runtime;  // "docker", "podman", "cri-o", "containerd", "kubernetes", "mesos", "lxc",
                        // "nspawn", "systemd", or "unknown" for a bare id at a place that tells
                        // nothing
  std::string id;       // 64 hex digits, a UUID, or a name; of containerd "NAMESPACE/NAME"
  std::string path;     // of the id's level, from the hierarchy's root: "/docker/ID"
  std::string parent;   // id of the container that it lies in; empty for most
  bool operator==(ContainerPath const&) const = default;
};

// The innermost container of `path`; nullopt when it is in none.
std::optional<ContainerPath> match_container(std::string_view path, PathRules const& rules);

// Whether the last component of `path` is shaped as the ids that Mesos gives.
bool ends_in_uuid(std::string_view path);

// Whether a last component is one that container runtimes give: "libpod-ID.scope" and alike.
std::optional<ContainerPath> match_component(std::string_view component);

// The unit's name of a systemd service: "/system.slice/cron.service" -> "cron"; a template's
// instance as well ("getty@tty1"). nullopt for anything else, also for what lies inside one.
std::optional<std::string> match_service(std::string_view path);

}  // namespace dadvisor::agent
