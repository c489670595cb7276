#include "agent/cgroup/io_files.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor::agent;
using dadvisor::test::FileTree;

TEST_CASE("v1 lines are kept by device, the closing total is none") {
  std::vector<DeviceIo> lines;
  scan_blkio(
      "7:0 Read 10\n7:0 Write 20\n7:0 Sync 30\n7:0 Async 0\n7:0 Total 30\n8:16 Read 1\n"
      "8:16 Write 2\nTotal 33\n",
      lines);
  CHECK(lines == std::vector<DeviceIo>{{{7, 0}, 10, 20}, {{8, 16}, 1, 2}});
  scan_blkio("Total 0\n", lines);
  CHECK(lines.empty());
  scan_blkio("garbage\n7:x Read 1\n7:0 Read many\n", lines);
  CHECK(lines.empty());
}

TEST_CASE("v1 accounts for the disks when each busy one has a line in the root") {
  FileTree tree;
  ReadBuffer buffer;
  Hierarchies const hierarchies({{tree.root(), "/", false, {"blkio"}}});
  std::vector<DeviceNumber> const busy{{8, 0}, {8, 16}};
  // Kernels without the recursive files always count.
  CHECK(io_accounted(hierarchies, busy, buffer));
  std::string const file = "blkio.throttle.io_service_bytes_recursive";
  tree.write(file, "Total 0\n");
  CHECK_FALSE(io_accounted(hierarchies, busy, buffer));
  tree.write(file, "8:0 Read 1\n8:0 Write 1\nTotal 2\n");
  CHECK_FALSE(io_accounted(hierarchies, busy, buffer));
  tree.write(file, "8:0 Read 1\n8:16 Read 0\nTotal 1\n");
  CHECK(io_accounted(hierarchies, busy, buffer));
  CHECK(io_accounted(Hierarchies({{tree.root(), "/", true, {}}}), busy, buffer));
}
