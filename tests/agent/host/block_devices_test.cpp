#include "agent/host/block_devices.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

constexpr DeviceNumber disk{8, 0}, mapper{253, 0}, loop{7, 0}, direct_loop{7, 1}, memory{252, 0};

// A disk, a device mapper on it, two loops (one with direct I/O) and a compressed RAM disk.
void make_devices(FileTree const& tree) {
  tree.write("block/sda/dev", "8:0\n");
  tree.directory("block/sda/slaves");
  tree.write("block/dm-0/dev", "253:0\n");
  tree.write("block/dm-0/slaves/sda/dev", "8:0\n");
  tree.write("block/loop0/dev", "7:0\n");
  tree.write("block/loop0/loop/dio", "0\n");
  tree.write("block/loop1/dev", "7:1\n");
  tree.write("block/loop1/loop/dio", "1\n");
  tree.write("block/zram0/dev", "252:0\n");
}

}  // namespace

TEST_CASE("host disk figures are those of the lowest level alone") {
  FileTree tree;
  make_devices(tree);
  BlockDevices devices(tree.root());
  devices.refresh();
  std::vector<DeviceNumber> busy;
  auto const sum = devices.sum(
      "   8       0 sda 100 7 2000 10 50 5 4000 20 0 77 30 1 2 3 4 5 6\n"
      "   8       1 sda1 90 7 1900 10 50 5 4000 20 0 70 30\n"
      " 253       0 dm-0 100 0 2000 10 50 0 4000 20 0 70 30\n"
      "   7       0 loop0 9 9 9 9 9 9 9 9 9 9 9\n"
      " 252       0 zram0 9 9 9 9 9 9 9 9 9 9 9\n",
      &busy);
  REQUIRE(sum);
  CHECK(sum->reads == 100);
  CHECK(sum->read_bytes == 2000 * 512);
  CHECK(sum->writes == 50);
  CHECK(sum->write_bytes == 4000 * 512);
  CHECK(sum->io_time_ms == 77);
  // What goes through a loop without direct I/O only its own lines tell, while it has a file.
  CHECK(busy == std::vector<DeviceNumber>{disk, loop});
  tree.remove("block/loop0/loop/dio");
  devices.refresh();
  busy.clear();
  CHECK_FALSE(devices.sum("   7       0 loop0 9 9 9 9 9 9 9 9 9 9 9\n", &busy));
  CHECK(busy.empty());
  CHECK_FALSE(devices.sum(""));
  CHECK_FALSE(devices.sum("   8       0 sda 100 7\n"));
}

TEST_CASE("of a container's devices those count under which none of its others lies") {
  FileTree tree;
  make_devices(tree);
  BlockDevices devices(tree.root());
  devices.refresh();
  std::vector<DeviceNumber> const both{disk, mapper, loop, direct_loop};
  CHECK(devices.counted(disk, both, false));
  CHECK_FALSE(devices.counted(mapper, both, false));
  CHECK_FALSE(devices.counted(direct_loop, both, false));
  // v1 charges what a loop without direct I/O writes below to the root cgroup.
  CHECK(devices.counted(loop, both, false));
  CHECK_FALSE(devices.counted(loop, both, true));
  // Alone it is the only one that tells.
  CHECK(devices.counted(mapper, std::vector{mapper}, false));
  CHECK(devices.counted(loop, std::vector{loop}, true));
  CHECK_FALSE(devices.counted(memory, std::vector{memory}, true));
}

TEST_CASE("a device that has gone stays known, one never seen does not count") {
  FileTree tree;
  make_devices(tree);
  BlockDevices devices(tree.root());
  devices.refresh();
  tree.remove("block/dm-0");
  devices.refresh();
  CHECK(devices.known(mapper));
  CHECK_FALSE(devices.counted(mapper, std::vector{disk, mapper}, false));
  DeviceNumber const strange{9, 9};
  CHECK_FALSE(devices.known(strange));
  CHECK_FALSE(devices.counted(strange, std::vector{strange}, true));
}
