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

}  // namespace

TEST_CASE("a walk finds every container with its inode, nested ones too") {
  FileTree tree;
  tree.directory("docker/" + id + "/docker/" + other);
  tree.directory("machine.slice/libpod-conmon-" + id + ".scope");
  tree.directory("system.slice/cron.service");
  ContainerWalk walk(mount_at(tree), {});
  auto const found = walk.walk();
  REQUIRE(found.size() == 2);
  CHECK(found[0].container.id == id);
  CHECK(found[0].inode != 0);
  CHECK(found[1].container.id == other);
  CHECK(found[1].container.parent == id);
  CHECK(found[1].inode != found[0].inode);
}

TEST_CASE("a container made or removed is noticed without a walk") {
  FileTree tree;
  tree.directory("docker");
  ContainerWalk walk(mount_at(tree), {});
  CHECK(walk.walk().empty());
  CHECK_FALSE(walk.changed());
  tree.directory("docker/" + id);
  CHECK(walk.changed());
  CHECK(walk.walk().size() == 1);
  CHECK_FALSE(walk.changed());
  tree.write("docker/file", "is no container");
  CHECK_FALSE(walk.changed());
  tree.remove("docker/" + id);
  CHECK(walk.changed());
  CHECK(walk.walk().empty());
}

TEST_CASE("a parent that is removed and made again is watched again") {
  FileTree tree;
  tree.directory("a/b");
  ContainerWalk walk(mount_at(tree), {});
  (void)walk.walk();
  tree.remove("a");
  CHECK(walk.changed());
  tree.directory("a/b");
  (void)walk.walk();
  (void)walk.changed();
  tree.directory("a/b/" + id);
  CHECK(walk.changed());
  CHECK(walk.walk().size() == 1);
}

TEST_CASE("paths start at the hierarchy's root though the mount shows a part of it") {
  FileTree tree;
  tree.directory(id);
  ContainerWalk walk(mount_at(tree, "/docker"), {});
  auto const found = walk.walk();
  REQUIRE(found.size() == 1);
  CHECK(found[0].container.path == "/docker/" + id);
}
