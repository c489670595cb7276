#include "agent/identity/allow_list.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::agent;

TEST_CASE("what identity needs is let through") {
  for (char const* key : {"dadvisor.app", "dadvisor.owner", "owner", "io.kubernetes.pod.name",
                          "io.cri-containerd.kind", "nerdctl/name", "com.docker.compose.service",
                          "com.docker.swarm.task.name"})
    CHECK(is_wanted_label(key));
  for (char const* key : {"MARATHON_APP_ID", "MARATHON_APP_LABEL_OWNER", "MESOS_TASK_ID",
                          "mesos_task_id", "CHRONOS_JOB_OWNER", "NOMAD_ALLOC_INDEX"})
    CHECK(is_wanted_env(key));
}

TEST_CASE("everything else is kept out, for it may be a secret") {
  for (char const* key :
       {"PATH", "DB_PASSWORD", "MARATHON_APP_LABEL_API_TOKEN", "MARATHON_APP_ID_SECRET",
        "MESOS_AUTHENTICATION", "NOMAD_TOKEN", "NOMAD_SECRETS_DIR", "mesos_task_idx", ""})
    CHECK_FALSE(is_wanted_env(key));
  for (char const* key : {"com.example.password", "dadvisor", "xdadvisor.app", "owners", ""})
    CHECK_FALSE(is_wanted_label(key));
}
