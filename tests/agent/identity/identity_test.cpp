#include "agent/identity/identity.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::agent;

namespace {

using Map = std::map<std::string, std::string>;

Container container(Map labels, Map env, std::string name = "focused_euler",
                    std::string image = "registry.example:5000/team/web:1.2") {
  Container made;
  made.id = "fad130c3cfe3cae4d6a6c368b4ea6ba28c798f4d70ee80d0841629aeaf06063d";
  made.name = std::move(name);
  made.image = std::move(image);
  made.labels = std::move(labels);
  made.env = std::move(env);
  return made;
}

std::string const short_id = "fad130c3cfe3";
std::string const uuid = "5d1f0c9e-8a51-11ea-9c0a-1f2e3d4c5b6a";

}  // namespace

TEST_CASE("Marathon: the id as written, with its slash") {
  auto const task = "shop_cart." + uuid;
  auto const found = identify(container({}, {{"MARATHON_APP_ID", "/shop/cart"},
                                             {"MARATHON_APP_LABEL_OWNER", "ann,bob"},
                                             {"MESOS_TASK_ID", task}}));
  CHECK(found == Identity{"/shop/cart", short_id, "ann,bob", task, Orchestrator::marathon});
  CHECK(identify(container({}, {{"MARATHON_APP_ID", "shop/cart"}})).app == "/shop/cart");
}

TEST_CASE("dadvisor's own labels win, each by itself") {
  Map const env{{"MARATHON_APP_ID", "/shop/cart"}, {"MARATHON_APP_LABEL_OWNER", "ann"}};
  auto found = identify(container({{"dadvisor.app", "cart"}}, env));
  CHECK(found.app == "cart");
  CHECK(found.owner == "ann");
  CHECK(found.orchestrator == Orchestrator::marathon);
  found = identify(container({{"dadvisor.owner", "carl"}, {"owner", "dora"}}, env));
  CHECK(found.app == "/shop/cart");
  CHECK(found.owner == "carl");
  CHECK(identify(container({{"owner", "dora"}}, env)).owner == "dora");
  CHECK(identify(container({{"dadvisor.instance", "7"}}, env)).instance == "7");
  // In Marathon an app's labels come as variables.
  CHECK(identify(container({}, {{"MARATHON_APP_ID", "/a"},
                                {"MARATHON_APP_LABEL_OWNER", "ann"},
                                {"MARATHON_APP_LABEL_DADVISOR_OWNER", "eve"}}))
            .owner == "eve");
  // An empty label says nothing.
  CHECK(identify(container({{"dadvisor.app", ""}}, env)).app == "/shop/cart");
}

TEST_CASE("Chronos: the job's name and owner, before Mesos whose variables it has too") {
  auto found = identify(container({}, {{"CHRONOS_JOB_NAME", "nightly"},
                                       {"CHRONOS_JOB_OWNER", "ops@example.com"},
                                       {"mesos_task_id", "ct:1420000000000:0:nightly:"},
                                       {"MESOS_TASK_ID", "ct:1420000000000:0:nightly:"}}));
  CHECK(found == Identity{"nightly", short_id, "ops@example.com",
                          "ct:1420000000000:0:nightly:", Orchestrator::chronos});
  found = identify(container({}, {{"MESOS_TASK_ID", "ct:1420000000000:2:report:a:b"}}));
  CHECK(found.app == "report");
  CHECK(identify(container({}, {{"MESOS_TASK_ID", "ct:broken"}})).app == "ct:broken");
}

TEST_CASE("Mesos: the task's name without what differs from run to run") {
  auto const app = [](std::string const& task) {
    return identify(container({}, {{"MESOS_TASK_ID", task}})).app;
  };
  CHECK(app("shop_cart." + uuid) == "shop_cart");
  CHECK(app("shop_cart.instance-" + uuid + "._app.1") == "shop_cart");
  CHECK(app("spark-driver-" + uuid) == "spark-driver");
  CHECK(app("plain") == "plain");
  CHECK(app(uuid) == uuid);
  CHECK(identify(container({}, {{"MESOS_EXECUTOR_ID", "cassandra"}})).orchestrator ==
        Orchestrator::mesos);
}

TEST_CASE("Mesos' own word of a task: its framework tells what the id means") {
  auto const named = [](std::string const& framework, std::string const& task) {
    return identify(container({}, {{"MESOS_FRAMEWORK_NAME", framework}, {"MESOS_TASK_ID", task}}));
  };
  auto const found = named("marathon", "shop_cart." + uuid);
  CHECK(found == Identity{"/shop/cart", short_id, "", "shop_cart." + uuid, Orchestrator::marathon});
  CHECK(named("marathon-prod", "shop_pod.instance-" + uuid + ".web").app == "/shop/pod");
  CHECK(named("marathon", "shop_cart.marathon-" + uuid).app == "/shop/cart");
  CHECK(named("marathon", "odd").orchestrator == Orchestrator::mesos);
  CHECK(named("chronos", "ct:1420000000000:0:nightly:").app == "nightly");
  CHECK(named("Aurora", "www-data-prod-hello-3-" + uuid).orchestrator == Orchestrator::aurora);
  CHECK(named("other", "shop_cart." + uuid).app == "shop_cart");
  CHECK(named("my-job", "17").app == "my-job");  // Spark's
  CHECK(named("my-job", uuid).app == "my-job");
}

TEST_CASE("Aurora: role, environment and job, and the shard as instance") {
  auto const task = "www-data-prod-hello-3-" + uuid;
  auto const found = identify(container({}, {{"MESOS_TASK_ID", "thermos-" + task}}));
  CHECK(found.app == "www-data-prod-hello");
  CHECK(found.instance == "3");
  CHECK(found.orchestrator == Orchestrator::aurora);
}

TEST_CASE("Kubernetes: namespace, workload and container") {
  auto const pod = [](std::string const& name) {
    return identify(container({{"io.kubernetes.pod.name", name},
                               {"io.kubernetes.pod.namespace", "shop"},
                               {"io.kubernetes.container.name", "app"}},
                              {}));
  };
  CHECK(pod("cart-7d4b9c6f5-x2x7q").app == "shop_cart_app");
  CHECK(pod("cart-7d4b9c6f5-x2x7q").instance == short_id);
  CHECK(pod("cart-7d4b9c6f5-x2x7q").task == "cart-7d4b9c6f5-x2x7q");
  CHECK(pod("logger-x2x7q").app == "shop_logger_app");  // a DaemonSet's
  CHECK(pod("db-0").app == "shop_db_app");
  CHECK(pod("db-0").instance == "0");
  CHECK(pod("db-12").instance == "12");
  CHECK(pod("my-static-pod").app == "shop_my-static-pod_app");
  CHECK(pod("single").app == "shop_single_app");
}

TEST_CASE("Kubernetes: the name that a kubelet gives tells what labels would") {
  auto const name = "k8s_app_cart-7d4b9c6f5-x2x7q_shop_" + uuid + "_0";
  auto const found = identify(container({}, {}, name));
  CHECK(found ==
        Identity{"shop_cart_app", short_id, "", "cart-7d4b9c6f5-x2x7q", Orchestrator::kubernetes});
  CHECK(is_sandbox(container({}, {}, "k8s_POD_cart-7d4b9c6f5-x2x7q_shop_" + uuid + "_0")));
  CHECK_FALSE(is_sandbox(container({}, {}, name)));
  CHECK(identify(container({}, {}, "k8s_app")).app == "k8s_app");
}

TEST_CASE("an id that somebody chose is known on its host only") {
  auto web = container({}, {}, "web");
  web.id = "default/web";
  CHECK(identify(web, "node-7") == Identity{"web", "node-7", "", "", Orchestrator::none});
  CHECK(identify(web).instance == "web");
  web.env = {{"MARATHON_APP_ID", "/shop/cart"}};
  CHECK(identify(web, "node-7").instance == "node-7_web");
  web.env.clear();
  web.id = "other/web";
  CHECK(identify(web, "node-7").instance == "node-7_other/web");
  web.labels = {{"dadvisor.instance", "3"}};
  CHECK(identify(web, "node-7").instance == "3");
  // What a machine made is not.
  CHECK(identify(container({}, {}), "node-7").instance == short_id);
}

TEST_CASE("a pod's sandbox is no instance") {
  CHECK(is_sandbox(container({{"io.cri-containerd.kind", "sandbox"}}, {})));
  CHECK_FALSE(is_sandbox(container({{"io.cri-containerd.kind", "container"}}, {})));
  CHECK(is_sandbox(container({{"io.kubernetes.docker.type", "podsandbox"}}, {})));
  CHECK(is_sandbox(container({{"io.kubernetes.container.name", "POD"}}, {})));
  CHECK_FALSE(is_sandbox(container({{"io.kubernetes.container.name", "app"}}, {})));
  CHECK_FALSE(is_sandbox(container({}, {})));
}

TEST_CASE("Compose: project, service and number") {
  Map labels{{"com.docker.compose.project", "shop"},
             {"com.docker.compose.service", "web"},
             {"com.docker.compose.container-number", "2"},
             {"com.docker.compose.oneoff", "False"}};
  auto found = identify(container(labels, {}));
  CHECK(found == Identity{"shop_web", "2", "", "", Orchestrator::compose});
  labels["com.docker.compose.oneoff"] = "True";
  CHECK(identify(container(labels, {})).instance == short_id);
}

TEST_CASE("Swarm: the service, and its slot where it has one") {
  auto const found = identify(container({{"com.docker.swarm.service.name", "shop_web"},
                                         {"com.docker.swarm.task.name", "shop_web.3.k2j3h4"}},
                                        {}));
  CHECK(found.app == "shop_web");
  CHECK(found.instance == "3");
  CHECK(found.task == "shop_web.3.k2j3h4");
  CHECK(identify(container({{"com.docker.swarm.service.name", "agent"},
                            {"com.docker.swarm.task.name", "agent.n0d31d.k2j3h4"}},
                           {}))
            .instance == short_id);
}

TEST_CASE("Nomad: job, group and task, and the index of the allocation") {
  auto const found = identify(container({}, {{"NOMAD_JOB_NAME", "cache"},
                                             {"NOMAD_GROUP_NAME", "redis"},
                                             {"NOMAD_TASK_NAME", "server"},
                                             {"NOMAD_ALLOC_INDEX", "4"},
                                             {"NOMAD_ALLOC_ID", uuid}}));
  CHECK(found == Identity{"cache_redis_server", "4", "", uuid, Orchestrator::nomad});
}

TEST_CASE("without an orchestrator the app is the container's name") {
  CHECK(identify(container({}, {})) ==
        Identity{"focused_euler", short_id, "", "", Orchestrator::none});
  CHECK(identify(container({}, {}, "mesos-" + uuid)).app == "web");
  CHECK(identify(container({}, {}, "")).app == "web");
  CHECK(identify(container({}, {}, "", "")).app == short_id);
  CHECK(identify(Container{}).app == "unknown");
}

TEST_CASE("an image's name is without registry, tag and digest") {
  CHECK(image_name("registry.example:5000/team/web:1.2@sha256:abc") == "web");
  CHECK(image_name("web") == "web");
  CHECK(image_name("web:latest") == "web");
  CHECK(image_name("localhost:5000/web") == "web");
  CHECK(image_name("").empty());
}
