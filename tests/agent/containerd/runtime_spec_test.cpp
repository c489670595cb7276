#include "agent/containerd/runtime_spec.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::agent;
using namespace dadvisor::agent::containerd;

TEST_CASE("a cgroupsPath is a path of cgroupfs or a scope of systemd") {
  CHECK(cgroup_of("/default/web") == "/default/web");
  CHECK(cgroup_of("/kubepods/burstable/podu/abc/") == "/kubepods/burstable/podu/abc");
  CHECK(cgroup_of("kubepods-burstable-podu_1.slice:cri-containerd:abc") ==
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice/"
        "cri-containerd-abc.scope");
  CHECK(cgroup_of("system.slice:nerdctl:abc") == "/system.slice/nerdctl-abc.scope");
  CHECK(cgroup_of(":docker:abc") == "/system.slice/docker-abc.scope");
  CHECK(cgroup_of("-.slice:x:abc") == "/x-abc.scope");
  for (auto const* none : {"", "/", "web", "a:b", "a.slice:b:"}) CHECK(cgroup_of(none).empty());
}

TEST_CASE("of environment and annotations only what is wanted is kept, and labels win") {
  WantedKeys const wanted{
      [](std::string_view key) { return key.starts_with("io.kubernetes.") || key == "owner"; },
      [](std::string_view key) { return key == "APP"; }};
  Container container;
  container.labels = {{"owner", "label"}};
  add_runtime_spec(
      R"({"process":{"env":["APP=a=b","SECRET=s","APP","APP=later"]},)"
      R"("annotations":{"owner":"annotation","io.kubernetes.cri.sandbox-name":"cart-0",)"
      R"("io.kubernetes.cri.container-name":"web","other":"x"},"linux":{}})",
      wanted, container);
  CHECK(container.env == std::map<std::string, std::string>{{"APP", "a=b"}});
  CHECK(container.labels ==
        std::map<std::string, std::string>{{"owner", "label"},
                                           {"io.kubernetes.pod.name", "cart-0"},
                                           {"io.kubernetes.container.name", "web"}});
  CHECK(container.cgroup.empty());
  auto const before = container;
  for (auto const* odd : {"", "[]", "{", R"({"process":[],"annotations":7,"linux":"x"})",
                          R"({"process":{"env":[1,null]},"linux":{"cgroupsPath":3}})"})
    add_runtime_spec(odd, wanted, container);
  CHECK(container == before);
}
