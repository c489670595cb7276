#include "agent/sample/process.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor::agent;
using dadvisor::test::FileTree;

TEST_CASE("a process's cgroup is cut at the id's level") {
  FileTree tree;
  tree.write("77/cgroup", "9:name=systemd:/x\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc/init\n");
  ReadBuffer buffer;
  CHECK(process_cgroup(tree.root(), 77, "cpuacct", "abc", buffer) == "/docker/abc");
  CHECK(process_cgroup(tree.root(), 77, "cpu", "abc", buffer) == "/docker/abc");
  CHECK(process_cgroup(tree.root(), 77, "", "abc", buffer) == "/docker/abc");
  // A name is a whole component; what the runtime was told is found where it is.
  CHECK_FALSE(process_cgroup(tree.root(), 77, "cpu", "bc", buffer));
  CHECK_FALSE(process_cgroup(tree.root(), 77, "cpu", "dock", buffer));
  CHECK(process_cgroup(tree.root(), 77, "cpu", "other", buffer, "/docker/abc") == "/docker/abc");
  CHECK_FALSE(process_cgroup(tree.root(), 77, "cpu", "other", buffer, "/docker/ab"));
  CHECK_FALSE(process_cgroup(tree.root(), 77, "cpuset", "abc", buffer));
  CHECK_FALSE(process_cgroup(tree.root(), 77, "cpu", "other", buffer));
  CHECK_FALSE(process_cgroup(tree.root(), 77, "cpu", "", buffer));
  CHECK_FALSE(process_cgroup(tree.root(), 1, "cpu", "abc", buffer));
}

TEST_CASE("the first process may be in the leaf below") {
  FileTree tree;
  tree.write("c/cgroup.procs", "");
  tree.write("c/leaf/cgroup.procs", "42\n43\n");
  ReadBuffer buffer;
  auto const directory = CgroupDirectory::open(tree.path("c"), 1, true);
  REQUIRE(directory);
  CHECK(first_process(*directory, buffer) == 42);
  tree.write("c/cgroup.procs", "7\n");
  CHECK(first_process(*directory, buffer) == 7);
  // 0 stands for a process outside our view (another pid namespace).
  tree.write("c/cgroup.procs", "0\n");
  tree.remove("c/leaf");
  CHECK_FALSE(first_process(*directory, buffer));
}

TEST_CASE("descriptors of all processes of a cgroup are counted, of ended ones none") {
  FileTree tree;
  tree.write("c/cgroup.procs", "");
  tree.write("c/init/cgroup.procs", "42\n43\n44\n");
  for (char const* fd : {"42/fd/0", "42/fd/1", "42/fd/17", "44/fd/0"}) tree.write(fd, "");
  DescriptorCount const count(tree.root());
  ReadBuffer buffer;
  auto const directory = CgroupDirectory::open(tree.path("c"), 1, true);
  REQUIRE(directory);
  CHECK(open_descriptors(*directory, count, buffer) == 4);
  // What is no directory stands for one that may not be listed.
  tree.write("43/fd", "");
  CHECK_FALSE(open_descriptors(*directory, count, buffer));
  tree.write("c/init/cgroup.procs", "");
  CHECK_FALSE(open_descriptors(*directory, count, buffer));
}
