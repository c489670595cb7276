#include "agent/sample/container_labels.hpp"

namespace dadvisor::agent {

Labels container_labels(Container const& container, Identity const& identity,
                        std::string const& runtime, std::string const& cluster,
                        std::string const& host) {
  constexpr std::size_t longest = 512;
  LabelsWriter labels;
  auto const add = [&](char const* key, std::string const& value) {
    if (!value.empty()) labels.add(key, std::string_view(value).substr(0, longest));
  };
  // Sorted by key.
  add("app", identity.app);
  add("cluster", cluster);
  add("host", host);
  add("image", container.image);
  add("instance", identity.instance);
  add("name", container.name);
  add("owner", identity.owner);
  add("runtime", runtime);
  add("task", identity.task);
  return labels.take();
}

ContainerEvent container_event(RuntimeEvent const& event, std::string const& cluster,
                               std::string const& host) {
  ContainerEvent told;
  told.kind =
      event.kind == RuntimeEvent::Kind::oom ? ContainerEventKind::oom : ContainerEventKind::exit;
  auto const& container = event.container;
  told.entity.key = {EntityKind::container, host, container.id, container.started_ns};
  told.entity.labels =
      container_labels(container, identify(container, host), container.runtime, cluster, host);
  told.time_ns = event.time_ns;
  told.exit_code = event.exit_code;
  told.oom_killed = event.oom_killed;
  told.reason = container.error;
  return told;
}

}  // namespace dadvisor::agent
