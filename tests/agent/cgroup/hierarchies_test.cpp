#include "agent/cgroup/hierarchies.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

Result<Hierarchies> discover(FileTree const& tree) {
  return Hierarchies::discover({tree.path("proc"), tree.root(), false});
}

}  // namespace

TEST_CASE("a hybrid host has v1 controllers and the unified tree") {
  FileTree tree;
  tree.copy("cgroup/v1_hybrid_6.18");
  auto const found = discover(tree);
  REQUIRE(found);
  CHECK(found->mode() == CgroupMode::hybrid);
  REQUIRE(found->v1("memory"));
  CHECK(found->v1("memory")->point == tree.path("sys/fs/cgroup/memory"));
  REQUIRE(found->unified());
  CHECK(found->unified()->point == tree.path("sys/fs/cgroup/unified"));
  CHECK(found->v1("hugetlb") == nullptr);
  CHECK(found->walked_controller() == "cpuacct");
  CHECK(found->walked() == found->v1("cpuacct"));
}

TEST_CASE("a pure v2 host has one tree and no v1") {
  FileTree tree;
  tree.copy("cgroup/v2_6.1");
  auto const found = discover(tree);
  REQUIRE(found);
  CHECK(found->mode() == CgroupMode::v2);
  CHECK(found->v1("memory") == nullptr);
  CHECK(found->walked() == found->unified());
  CHECK(found->walked_controller().empty());
}

TEST_CASE("controllers mounted together share a directory, wherever it is") {
  auto const mounts = scan_mountinfo(
      "20 1 0:1 / /proc rw - proc proc rw\n"
      "30 22 0:25 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpuacct,cpu\n"
      "31 22 0:26 / /cgroup/mem\\040ory rw - cgroup none rw,memory,clone_children\n"
      "32 22 0:27 / /sys/fs/cgroup/systemd rw shared:1 master:2 - cgroup cgroup "
      "rw,xattr,release_agent=/lib/x,name=systemd\n");
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0].controllers == std::vector<std::string>{"cpuacct", "cpu"});
  CHECK(mounts[1].point == "/cgroup/mem ory");
  CHECK(mounts[1].controllers == std::vector<std::string>{"memory"});
  CHECK(mounts[2].controllers == std::vector<std::string>{"name=systemd"});
  Hierarchies const found(mounts);
  CHECK(found.mode() == CgroupMode::v1);
  CHECK(found.v1("cpu")->point == found.v1("cpuacct")->point);
}

TEST_CASE("a mount of the whole hierarchy is preferred to one of a part") {
  Hierarchies const found(
      scan_mountinfo("30 22 0:25 /docker/abc /var/part rw - cgroup cgroup rw,memory\n"
                     "31 22 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                     "32 22 0:25 / /second rw - cgroup cgroup rw,memory\n"));
  CHECK(found.v1("memory")->point == "/sys/fs/cgroup/memory");
}

TEST_CASE("a host without cgroups says so") {
  FileTree tree;
  tree.write("proc/self/mountinfo", "20 1 0:1 / /proc rw - proc proc rw\n");
  auto const found = discover(tree);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Errc::unsupported);
  tree.remove("proc");
  CHECK_FALSE(discover(tree));
}

TEST_CASE("libcgroup and mountinfo agree on this host") {
  auto const alone = Hierarchies::discover({"/proc", "", false});
  auto const both = Hierarchies::discover({"/proc", "", true});
  REQUIRE(alone.has_value() == both.has_value());
  if (!alone) return;
  CHECK(alone->mode() == both->mode());
  REQUIRE(alone->walked());
  CHECK(*alone->walked() == *both->walked());
}
