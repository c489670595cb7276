#include "agent/cgroup/container_walk.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

std::string const id = "fad130c3cfe3cae4d6a6c368b4ea6ba28c798f4d70ee80d0841629aeaf06063d";
std::string const other = "4f2a8c1e9b7d6035a1c2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f708192";

CgroupMount mount_at(FileTree const& tree, std::string root = "/") {
  return {tree.root(), std::move(root), false, {"cpuacct"}};
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("a walk finds every container with its inode, nested ones too") {
  FileTree tree;
  tree.directory("docker/" + id + "/docker/" + other);
  tree.directory("machine.slice/libpod-conmon-" + id + ".scope");
  tree.directory("system.slice/cron.service");
  auto const found = walk_containers(mount_at(tree), {}).containers;
  REQUIRE(found.size() == 2);
  CHECK(found[0].container.id == id);
  CHECK(found[0].inode != 0);
  CHECK(found[1].container.id == other);
  CHECK(found[1].container.parent == id);
  CHECK(found[1].inode != found[0].inode);
}

TEST_CASE("a walk tells where containers may be made: outside of those that are") {
  FileTree tree;
  tree.directory("docker/" + id + "/docker/" + other);
  tree.directory("a/b");
  auto parents = walk_containers(mount_at(tree), {}).parents;
  std::ranges::sort(parents);
  CHECK(parents == Paths{"", "/a", "/a/b", "/docker"});
}

TEST_CASE("paths start at the hierarchy's root though the mount shows a part of it") {
  FileTree tree;
  tree.directory(id);
  auto const mount = mount_at(tree, "/docker");
  auto const found = walk_containers(mount, {}).containers;
  REQUIRE(found.size() == 1);
  CHECK(found[0].container.path == "/docker/" + id);
  CHECK(directory_of(mount, found[0].container.path) == tree.path(id));
}

TEST_CASE("a root of containers has processes in containers alone") {
  FileTree tree;
  for (std::string const top : {"docker", "kubepods/burstable/pod1", "system.slice", "bare"}) {
    tree.directory(top + "/" + id);
    tree.write(top + "/" + id + "/cgroup.procs", "12\n");
    tree.write(top + "/cgroup.procs", "");
  }
  tree.directory(other);
  tree.write("kubepods/burstable/cgroup.procs", "");
  tree.write("system.slice/cron.service/cgroup.procs", "77\n");
  tree.write("bare/cgroup.procs", "78\n");
  tree.write("cgroup.procs", "1\n");
  auto const mount = mount_at(tree);
  CHECK(container_roots(mount, walk_containers(mount, {})) == Paths{"/docker", "/kubepods"});
}
