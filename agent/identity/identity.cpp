#include "agent/identity/identity.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace dadvisor::agent {

namespace {

using Map = std::map<std::string, std::string>;

// A key set to nothing says nothing.
std::string const* value_of(Map const& map, char const* key) {
  auto const found = map.find(key);
  return found == map.end() || found->second.empty() ? nullptr : &found->second;
}

std::string value_or(Map const& map, char const* key, std::string other = {}) {
  auto const* value = value_of(map, key);
  return value ? *value : std::move(other);
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_uuid_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
}

// Length of a UUID at the end of `text`, or 0.
std::size_t uuid_at_end(std::string_view text) {
  if (text.size() < 36) return 0;
  std::string_view const end = text.substr(text.size() - 36);
  bool const shaped = std::ranges::all_of(end, is_uuid_char) && end[8] == '-' && end[13] == '-' &&
                      end[18] == '-' && end[23] == '-';
  return shaped ? 36 : 0;
}

// An id that somebody chose, in a namespace: "default/web".
bool is_chosen(std::string const& id) { return id.find('/') != std::string::npos; }

std::string short_id(Container const& container) {
  return is_chosen(container.id) ? container.id : container.id.substr(0, 12);
}

// Many hosts may have a container of that name, and one host in several namespaces.
std::string chosen_instance(Identity const& identity, std::string_view id,
                            std::string const& host) {
  if (id.starts_with("default/")) id.remove_prefix(8);
  if (host.empty()) return std::string(id);
  return id == identity.app ? host : host + "_" + std::string(id);
}

std::optional<Identity> marathon(Container const& container) {
  auto const* id = value_of(container.env, "MARATHON_APP_ID");
  if (!id) return std::nullopt;
  // Marathon always gives the slash; hand-made environments forget it.
  std::string app = id->starts_with('/') ? *id : "/" + *id;
  return Identity{std::move(app), short_id(container),
                  value_or(container.env, "MARATHON_APP_LABEL_OWNER"),
                  value_or(container.env, "MESOS_TASK_ID"), Orchestrator::marathon};
}

// Task ids of Chronos: "ct:DUE_MS:ATTEMPT:JOB:ARGS".
std::string chronos_job(std::string_view task) {
  if (!task.starts_with("ct:")) return {};
  task.remove_prefix(3);
  for (int i = 0; i < 2; ++i) {
    std::size_t const colon = task.find(':');
    if (colon == std::string_view::npos) return {};
    task.remove_prefix(colon + 1);
  }
  return std::string(task.substr(0, task.find(':')));
}

std::optional<Identity> chronos(Container const& container) {
  // Before plain Mesos, whose variables every Chronos task has as well.
  std::string task = value_or(container.env, "mesos_task_id");
  if (task.empty()) task = value_or(container.env, "MESOS_TASK_ID");
  std::string const job = value_or(container.env, "CHRONOS_JOB_NAME", chronos_job(task));
  if (job.empty()) return std::nullopt;
  return Identity{job, short_id(container), value_or(container.env, "CHRONOS_JOB_OWNER"), task,
                  Orchestrator::chronos};
}

// Aurora: "[thermos-]ROLE-ENV-JOB-INSTANCE-UUID".
std::optional<Identity> aurora(std::string const& task) {
  std::string_view rest = task;
  if (rest.starts_with("thermos-")) rest.remove_prefix(8);
  std::size_t const uuid = uuid_at_end(rest);
  if (uuid == 0 || rest.size() < uuid + 2 || rest[rest.size() - uuid - 1] != '-')
    return std::nullopt;
  rest.remove_suffix(uuid + 1);
  std::size_t const dash = rest.rfind('-');
  if (dash == std::string_view::npos || !is_digits(rest.substr(dash + 1))) return std::nullopt;
  std::string_view const job = rest.substr(0, dash);
  if (std::ranges::count(job, '-') < 2) return std::nullopt;
  return Identity{
      std::string(job), std::string(rest.substr(dash + 1)), {}, task, Orchestrator::aurora};
}

std::optional<Identity> mesos(Container const& container) {
  std::string task = value_or(container.env, "MESOS_TASK_ID");
  if (task.empty()) task = value_or(container.env, "mesos_task_id");
  if (task.empty()) task = value_or(container.env, "MESOS_EXECUTOR_ID");
  if (task.empty()) return std::nullopt;
  if (auto found = aurora(task)) return found;
  std::string const framework = value_or(container.env, "MESOS_FRAMEWORK_NAME");
  // "shop_cart.UUID" and "shop_cart.instance-UUID._app.1" are Marathon's, named so by other
  // frameworks too.
  std::string_view app = task;
  std::size_t const at = std::min(app.find(".instance-"), app.find(".marathon-"));
  if (at != std::string_view::npos && at > 0) {
    app = app.substr(0, at);
  } else if (std::size_t const uuid = uuid_at_end(app); uuid > 0 && app.size() > uuid + 1) {
    char const before = app[app.size() - uuid - 1];
    if (before == '.' || before == '-' || before == '_') app.remove_suffix(uuid + 1);
  }
  // What Mesos itself tells of a task has no MARATHON_APP_ID; ids of Marathon have no '_', which
  // stands for '/' in its tasks'.
  if (framework.starts_with("marathon") && app.size() < task.size()) {
    std::string id = "/" + std::string(app);
    std::ranges::replace(id, '_', '/');
    return Identity{std::move(id), short_id(container), {}, task, Orchestrator::marathon};
  }
  // Frameworks that only number their tasks (Spark), or give them no name at all.
  if (!framework.empty() && (is_digits(app) || uuid_at_end(app) == app.size())) app = framework;
  return Identity{std::string(app), short_id(container), {}, task, Orchestrator::mesos};
}

// The workload that made a pod: a Deployment's pod is NAME-HASH-RANDOM, a DaemonSet's NAME-RANDOM,
// a StatefulSet's NAME-ORDINAL. Random parts use these letters and digits alone.
struct Workload {
  std::string name;
  std::string ordinal;
};
Workload workload_of(std::string const& pod) {
  auto const generated = [](std::string_view part, std::size_t least, std::size_t most) {
    return part.size() >= least && part.size() <= most &&
           part.find_first_not_of("bcdfghjklmnpqrstvwxz2456789") == std::string_view::npos;
  };
  std::size_t const last = pod.rfind('-');
  if (last == std::string::npos || last == 0) return {pod, {}};
  std::string_view const tail = std::string_view(pod).substr(last + 1);
  std::string_view const head = std::string_view(pod).substr(0, last);
  // Four digits at most: five may be a random part.
  if (is_digits(tail) && tail.size() <= 4 && (tail == "0" || tail.front() != '0'))
    return {std::string(head), std::string(tail)};
  if (!generated(tail, 5, 5)) return {pod, {}};
  std::size_t const before = head.rfind('-');
  if (before != std::string_view::npos && before > 0 && generated(head.substr(before + 1), 6, 10))
    return {std::string(head.substr(0, before)), {}};
  return {std::string(head), {}};
}

// What a kubelet calls a container of Docker, "k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT", as labels.
Map labels_of_name(std::string_view name) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= name.size();) {
    auto const end = std::min(name.find('_', at), name.size());
    parts.push_back(name.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() != 6 || parts[0] != "k8s" || parts[2].empty()) return {};
  return {{"io.kubernetes.container.name", std::string(parts[1])},
          {"io.kubernetes.pod.name", std::string(parts[2])},
          {"io.kubernetes.pod.namespace", std::string(parts[3])}};
}

std::optional<Identity> kubernetes(Container const& container) {
  bool const labelled = value_of(container.labels, "io.kubernetes.pod.name");
  auto const labels = labelled ? container.labels : labels_of_name(container.name);
  auto const* pod = value_of(labels, "io.kubernetes.pod.name");
  if (!pod) return std::nullopt;
  auto const workload = workload_of(*pod);
  // Kubernetes names hold no '_', so the parts can be told again.
  std::string app =
      value_or(labels, "io.kubernetes.pod.namespace", "default") + "_" + workload.name;
  if (auto const* name = value_of(labels, "io.kubernetes.container.name")) app += "_" + *name;
  return Identity{std::move(app),
                  workload.ordinal.empty() ? short_id(container) : workload.ordinal,
                  {},
                  *pod,
                  Orchestrator::kubernetes};
}

std::optional<Identity> compose(Container const& container) {
  auto const* service = value_of(container.labels, "com.docker.compose.service");
  if (!service) return std::nullopt;
  auto const* project = value_of(container.labels, "com.docker.compose.project");
  std::string instance = value_or(container.labels, "com.docker.compose.container-number");
  std::string oneoff = value_or(container.labels, "com.docker.compose.oneoff");
  // `compose run` numbers its containers from 1 again.
  if (instance.empty() || oneoff == "True" || oneoff == "true") instance = short_id(container);
  return Identity{project ? *project + "_" + *service : *service,
                  std::move(instance),
                  {},
                  {},
                  Orchestrator::compose};
}

std::optional<Identity> swarm(Container const& container) {
  auto const* service = value_of(container.labels, "com.docker.swarm.service.name");
  if (!service) return std::nullopt;
  std::string const task = value_or(container.labels, "com.docker.swarm.task.name");
  std::string instance = short_id(container);
  // SERVICE.SLOT.TASKID; a global service has a node's id for a slot, which is no number.
  if (task.starts_with(*service + ".")) {
    std::string_view slot = std::string_view(task).substr(service->size() + 1);
    slot = slot.substr(0, slot.find('.'));
    if (is_digits(slot)) instance = slot;
  }
  return Identity{*service, std::move(instance), {}, task, Orchestrator::swarm};
}

std::optional<Identity> nomad(Container const& container) {
  auto const* job = value_of(container.env, "NOMAD_JOB_NAME");
  if (!job) return std::nullopt;
  std::string app = *job;
  for (char const* key : {"NOMAD_GROUP_NAME", "NOMAD_TASK_NAME"})
    if (auto const* part = value_of(container.env, key)) app += "_" + *part;
  return Identity{std::move(app),
                  value_or(container.env, "NOMAD_ALLOC_INDEX", short_id(container)),
                  {},
                  value_or(container.env, "NOMAD_ALLOC_ID"),
                  Orchestrator::nomad};
}

Identity unmanaged(Container const& container) {
  std::string app = container.name;
  // Mesos' Docker containerizer gives names of its own: each would be an app by itself.
  if (app.empty() || app.starts_with("mesos-")) app = image_name(container.image);
  if (app.empty()) app = container.name;
  if (app.empty()) app = short_id(container);
  return Identity{
      app.empty() ? "unknown" : std::move(app), short_id(container), {}, {}, Orchestrator::none};
}

}  // namespace

char const* to_string(Orchestrator orchestrator) {
  switch (orchestrator) {
    case Orchestrator::none:
      return "none";
    case Orchestrator::marathon:
      return "marathon";
    case Orchestrator::chronos:
      return "chronos";
    case Orchestrator::aurora:
      return "aurora";
    case Orchestrator::mesos:
      return "mesos";
    case Orchestrator::kubernetes:
      return "kubernetes";
    case Orchestrator::compose:
      return "compose";
    case Orchestrator::swarm:
      return "swarm";
    case Orchestrator::nomad:
      return "nomad";
  }
  return "unknown";
}

std::string image_name(std::string_view image) {
  image = image.substr(0, image.find('@'));
  std::size_t const slash = image.rfind('/');
  if (slash != std::string_view::npos) image.remove_prefix(slash + 1);
  return std::string(image.substr(0, image.find(':')));
}

bool is_sandbox(Container const& container) {
  return value_or(container.labels, "io.kubernetes.docker.type") == "podsandbox" ||
         value_or(container.labels, "io.kubernetes.container.name") == "POD" ||
         value_or(container.labels, "io.cri-containerd.kind") == "sandbox" ||
         value_or(labels_of_name(container.name), "io.kubernetes.container.name") == "POD";
}

Identity identify(Container const& container, std::string const& host) {
  using Source = std::optional<Identity> (*)(Container const&);
  static constexpr Source sources[] = {marathon, chronos, mesos, kubernetes, compose, swarm, nomad};
  std::optional<Identity> identity;
  for (Source const source : sources)
    if ((identity = source(container))) break;
  if (!identity) identity = unmanaged(container);
  if (is_chosen(container.id) && identity->instance == container.id)
    identity->instance = chosen_instance(*identity, container.id, host);

  if (auto const* owner = value_of(container.labels, "owner")) identity->owner = *owner;
  struct Override {
    char const* env;
    char const* label;
    std::string Identity::*field;
  };
  static constexpr Override overrides[] = {
      {"MARATHON_APP_LABEL_DADVISOR_APP", "dadvisor.app", &Identity::app},
      {"MARATHON_APP_LABEL_DADVISOR_INSTANCE", "dadvisor.instance", &Identity::instance},
      {"MARATHON_APP_LABEL_DADVISOR_OWNER", "dadvisor.owner", &Identity::owner},
  };
  for (auto const& one : overrides) {
    if (auto const* value = value_of(container.env, one.env)) (*identity).*one.field = *value;
    if (auto const* value = value_of(container.labels, one.label)) (*identity).*one.field = *value;
  }
  return *identity;
}

}  // namespace dadvisor::agent
