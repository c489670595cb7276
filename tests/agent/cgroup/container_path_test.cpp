#include "agent/cgroup/container_path.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::agent;

namespace {

std::string const id = "fad130c3cfe3cae4d6a6c368b4ea6ba28c798f4d70ee80d0841629aeaf06063d";
std::string const other = "4f2a8c1e9b7d6035a1c2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f708192";
std::string const uuid = "5d1f0c9e-8a51-4b2e-9c0a-1f2e3d4c5b6a";
std::string const uuid2 = "0a1b2c3d-0000-4b2e-9c0a-1f2e3d4c5b6a";

std::optional<ContainerPath> match(std::string const& path, PathRules const& rules = {}) {
  return match_container(path, rules);
}

void check(std::string const& path, std::string const& runtime, std::string const& level) {
  INFO(path);
  auto const found = match(path);
  REQUIRE(found);
  CHECK(found->runtime == runtime);
  CHECK(found->id == id);
  CHECK(found->path == level);
  CHECK(found->parent.empty());
}

}  // namespace

TEST_CASE("each runtime's layout is known by its last component") {
  check("/docker/" + id, "docker", "/docker/" + id);
  check("/a/b/" + id, "unknown", "/a/b/" + id);  // --cgroup-parent
  check("/system.slice/docker-" + id + ".scope", "docker", "/system.slice/docker-" + id + ".scope");
  std::string const rootless =
      "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + id + ".scope";
  check(rootless, "docker", rootless);
  check("/system.slice/nerdctl-" + id + ".scope", "containerd",
        "/system.slice/nerdctl-" + id + ".scope");
  check("/libpod_parent/libpod-" + id, "podman", "/libpod_parent/libpod-" + id);
  check("/machine.slice/crio-" + id + ".scope", "cri-o", "/machine.slice/crio-" + id + ".scope");
  check("/kubepods/burstable/podUID/" + id, "kubernetes", "/kubepods/burstable/podUID/" + id);
  std::string const pod =
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podU_1.slice";
  check(pod + "/cri-containerd-" + id + ".scope", "containerd",
        pod + "/cri-containerd-" + id + ".scope");
}

TEST_CASE("each class of a pod's service and each of its runtimes is known, under either driver") {
  for (std::string const pod :
       {"/kubepods/podUID/", "/kubepods/besteffort/podUID/", "/kubelet/kubepods/burstable/podUID/"})
    check(pod + id, "kubernetes", pod + id);
  for (std::string const pod :
       {"/kubepods.slice/kubepods-podU_1.slice/",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podU_1.slice/"}) {
    check(pod + "docker-" + id + ".scope", "docker", pod + "docker-" + id + ".scope");
    check(pod + "crio-" + id + ".scope", "cri-o", pod + "crio-" + id + ".scope");
  }
  std::string const rootless =
      "/user.slice/user-1000.slice/user@1000.service/app.slice/docker-" + id + ".scope";
  check(rootless, "docker", rootless);
  check("/crio-" + id, "cri-o", "/crio-" + id);
  check("/machine.slice/libpod-" + id + ".scope", "podman",
        "/machine.slice/libpod-" + id + ".scope");
}

TEST_CASE("LXC and nspawn call containers by names") {
  auto const named = [](std::string const& path) {
    auto const found = match(path);
    return found ? found->runtime + " " + found->id + " at " + found->path : "";
  };
  CHECK(named("/lxc/web") == "lxc web at /lxc/web");
  CHECK(named("/lxc/web/system.slice/cron.service") == "lxc web at /lxc/web");
  CHECK(named("/lxc.payload.web") == "lxc web at /lxc.payload.web");
  CHECK(named("/lxc.payload.web/init.scope") == "lxc web at /lxc.payload.web");
  CHECK(named("/lxc.monitor.web").empty());
  CHECK(named("/lxc.payload.").empty());
  CHECK(named("/lxc").empty());
  std::string const scope = "/machine.slice/machine-web\\x2d1.scope";
  CHECK(named(scope) == "nspawn web-1 at " + scope);
  CHECK(named(scope + "/payload/system.slice") == "nspawn web-1 at " + scope);
  std::string const service = "/machine.slice/systemd-nspawn@web.service";
  CHECK(named(service + "/payload") == "nspawn web at " + service);
  CHECK(named("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope").empty());
  CHECK(named("/other.slice/machine-web.scope").empty());
  CHECK(named("/machine.slice").empty());
  // A container in it knows it.
  CHECK(match("/lxc.payload.web/docker/" + id)->parent == "web");
}

TEST_CASE("what a runtime makes below the id belongs to it, and the id's level is kept") {
  check("/machine.slice/libpod-" + id + ".scope/container", "podman",
        "/machine.slice/libpod-" + id + ".scope");
  check("/docker/" + id + "/init", "docker", "/docker/" + id);
  check("/docker/" + id + "/system.slice/cron.service", "docker", "/docker/" + id);
}

TEST_CASE("monitors and plain directories are no containers") {
  CHECK_FALSE(match("/machine.slice/libpod-conmon-" + id + ".scope"));
  CHECK_FALSE(match("/machine.slice/crio-conmon-" + id + ".scope"));
  CHECK_FALSE(match("/libpod_parent/conmon"));
  CHECK_FALSE(match("/docker"));
  CHECK_FALSE(match("/"));
  CHECK_FALSE(match(""));
  CHECK_FALSE(match("/docker/" + id.substr(1)));
  CHECK_FALSE(match("/docker/" + id + "0"));
  std::string capitals = id;
  capitals[0] = 'F';
  CHECK_FALSE(match("/docker/" + capitals));
  CHECK_FALSE(match("/system.slice/cron.service"));
  CHECK_FALSE(match("/foo/" + uuid));
}

TEST_CASE("a container inside a container knows the outer one") {
  auto const found = match("/docker/" + id + "/docker/" + other);
  REQUIRE(found);
  CHECK(found->id == other);
  CHECK(found->parent == id);
}

TEST_CASE("Mesos' own containers are UUIDs below its root, figures at the id's level") {
  auto const found = match("/mesos/" + uuid + "/leaf");
  REQUIRE(found);
  CHECK(found->runtime == "mesos");
  CHECK(found->id == uuid);
  CHECK(found->path == "/mesos/" + uuid);
  auto const nested = match("/mesos/" + uuid + "/mesos/" + uuid2 + "/leaf");
  REQUIRE(nested);
  CHECK(nested->id == uuid2);
  CHECK(nested->parent == uuid);
  CHECK_FALSE(match("/mesos/agent/leaf"));
  PathRules moved;
  moved.mesos_root = "/cluster/tasks";
  CHECK(match("/cluster/tasks/" + uuid, moved));
  CHECK_FALSE(match("/mesos/" + uuid, moved));
  CHECK((ends_in_uuid("/any/" + uuid) && !ends_in_uuid("/any/" + uuid + "/leaf")));
}

TEST_CASE("any name counts below a configured root, and only there") {
  PathRules rules;
  rules.named_roots = {"/domlab", "/lxc"};
  auto const found = match("/domlab/domlab-c1", rules);
  REQUIRE(found);
  CHECK(found->id == "domlab-c1");
  CHECK(found->runtime == "domlab");
  CHECK(match("/lxc/web/init.scope", rules)->id == "web");
  CHECK_FALSE(match("/domlab/domlab-c1"));
  CHECK_FALSE(match("/domlab", rules));
}

TEST_CASE("containerd's namespaces are roots of any name, and the ids are theirs") {
  PathRules rules;
  rules.namespaces = {"default", "k8s.io"};
  auto const found = match("/default/web", rules);
  REQUIRE(found);
  CHECK((found->id == "default/web" && found->runtime == "containerd"));
  CHECK(match("/default/web/below", rules)->path == "/default/web");
  CHECK_FALSE(match("/default/web"));
  CHECK_FALSE(match("/other/default/web", rules));
  CHECK_FALSE(match("/default", rules));
  auto const generated = match("/default/" + id, rules);  // nerdctl's
  REQUIRE(generated);
  CHECK((generated->id == id && generated->runtime == "containerd"));
}

TEST_CASE("services count when asked for, as the outermost of their kind") {
  PathRules rules;
  rules.services = true;
  auto const cron = match("/system.slice/cron.service", rules);
  REQUIRE(cron);
  CHECK(cron->id == "cron");
  CHECK(cron->runtime == "systemd");
  CHECK(match("/system.slice/system-getty.slice/getty@tty1.service", rules)->id == "getty@tty1");
  auto const inner = match("/user.slice/user@0.service/app.slice/dbus.service", rules);
  REQUIRE(inner);
  CHECK(inner->id == "user@0");
  CHECK_FALSE(match("/system.slice/.service", rules));  // it has no name
}
