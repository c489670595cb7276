#include "agent/identity/allow_list.hpp"

#include <algorithm>

namespace dadvisor::agent {

bool is_wanted_label(std::string_view key) {
  static constexpr std::string_view wanted[] = {
      "owner",
      "io.kubernetes.pod.name",
      "io.kubernetes.pod.namespace",
      "io.kubernetes.pod.uid",
      "io.kubernetes.container.name",
      "io.kubernetes.docker.type",
      "io.cri-containerd.kind",
      "nerdctl/name",
      "com.docker.compose.project",
      "com.docker.compose.service",
      "com.docker.compose.container-number",
      "com.docker.compose.oneoff",
      "com.docker.swarm.service.name",
      "com.docker.swarm.task.name",
      "com.docker.swarm.task.id",
      "com.docker.stack.namespace",
      "com.hashicorp.nomad.alloc_id",
  };
  return key.starts_with("dadvisor.") || std::ranges::find(wanted, key) != std::end(wanted);
}

bool is_wanted_env(std::string_view key) {
  static constexpr std::string_view wanted[] = {
      // Of a Marathon app's labels only these: others are anybody's guess.
      "MARATHON_APP_ID",
      "MARATHON_APP_VERSION",
      "MARATHON_APP_DOCKER_IMAGE",
      "MARATHON_APP_RESOURCE_CPUS",
      "MARATHON_APP_RESOURCE_MEM",
      "MARATHON_APP_RESOURCE_DISK",
      "MARATHON_APP_LABEL_OWNER",
      "MARATHON_APP_LABEL_DADVISOR_APP",
      "MARATHON_APP_LABEL_DADVISOR_INSTANCE",
      "MARATHON_APP_LABEL_DADVISOR_OWNER",
      "MESOS_TASK_ID",
      "MESOS_CONTAINER_NAME",
      "MESOS_FRAMEWORK_ID",
      "MESOS_EXECUTOR_ID",
      "mesos_task_id",
      "CHRONOS_JOB_NAME",
      "CHRONOS_JOB_OWNER",
      "NOMAD_JOB_NAME",
      "NOMAD_GROUP_NAME",
      "NOMAD_TASK_NAME",
      "NOMAD_ALLOC_ID",
      "NOMAD_SHORT_ALLOC_ID",
      "NOMAD_ALLOC_INDEX",
      "NOMAD_NAMESPACE",
      "NOMAD_DC",
  };
  return std::ranges::find(wanted, key) != std::end(wanted);
}

}  // namespace dadvisor::agent
