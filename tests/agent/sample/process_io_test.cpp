#include "agent/sample/process_io.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

struct Group {
  Group() {
    tree.directory("cg/child");
    tree.write("cg/cgroup.procs", "7\n8\n");
    tree.write("cg/child/cgroup.procs", "9\n");
    account(7, 100, 10);
    account(8, 200, 20);
    account(9, 400, 40);
    auto opened = CgroupDirectory::open(tree.path("cg"), 1, false);
    REQUIRE(opened);
    directory = std::move(*opened);
  }
  void account(int pid, int read, int written) const {
    tree.write("proc/" + std::to_string(pid) + "/io",
               "rchar: 9999\nwchar: 8888\nsyscr: 7\nsyscw: 6\nread_bytes: " + std::to_string(read) +
                   "\nwrite_bytes: " + std::to_string(written) + "\ncancelled_write_bytes: 0\n");
  }
  std::optional<ProcessIo> sum() { return process_io(directory, tree.path("proc"), buffer); }

  FileTree tree;
  CgroupDirectory directory;
  ReadBuffer buffer;
};

}  // namespace

TEST_CASE("the accounts of all processes in a cgroup and below it are summed") {
  Group group;
  auto const io = group.sum();
  REQUIRE(io);
  CHECK(io->read_bytes == 700);
  CHECK(io->write_bytes == 70);
}

TEST_CASE("a process that ended meanwhile is left out, one that may not be read leaves nothing") {
  Group group;
  group.tree.remove("proc/8");
  CHECK(group.sum()->read_bytes == 500);
  SECTION("an account without its figures") { group.tree.write("proc/7/io", "rchar: 1\n"); }
  SECTION("a process out of view") { group.tree.write("cg/child/cgroup.procs", "0\n"); }
  SECTION("a kernel without accounts") {
    for (int pid : {7, 9}) group.tree.remove("proc/" + std::to_string(pid) + "/io");
  }
  SECTION("no process at all") {
    group.tree.write("cg/cgroup.procs", "");
    group.tree.write("cg/child/cgroup.procs", "");
  }
  SECTION("too many") {
    std::string all;
    for (int pid = 1; pid <= 1001; ++pid) all += std::to_string(pid) + "\n";
    group.tree.write("cg/cgroup.procs", all);
  }
  SECTION("another cgroup of its name") { ++group.directory.inode; }
  CHECK_FALSE(group.sum());
}

TEST_CASE("this process's own account can be read") {
  Group group;
  group.tree.write("cg/child/cgroup.procs", "");
  group.tree.write("cg/cgroup.procs", std::to_string(::getpid()) + "\n");
  CHECK(process_io(group.directory, "/proc", group.buffer).has_value());
}
