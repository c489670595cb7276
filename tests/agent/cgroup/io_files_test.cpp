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
