#include "agent/cgroup/io_accounting.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

std::string const recursive = "blkio.throttle.io_service_bytes_recursive";

}  // namespace

TEST_CASE("v1 counts for a busy disk when it has a line in the root") {
  FileTree tree;
  ReadBuffer buffer;
  Hierarchies const hierarchies({{tree.root(), "/", false, {"blkio"}}});
  std::vector<DeviceNumber> const busy{{8, 0}, {8, 16}};
  auto const uncounted = [&] { return uncounted_devices(hierarchies, busy, buffer); };
  // Kernels without the recursive files always count.
  CHECK(uncounted().empty());
  tree.write(recursive, "Total 0\n");
  CHECK(uncounted() == busy);
  tree.write(recursive, "8:0 Read 1\n8:0 Write 1\nTotal 2\n");
  CHECK(uncounted() == std::vector<DeviceNumber>{{8, 16}});
  tree.write(recursive, "8:0 Read 1\n8:16 Read 0\nTotal 1\n");
  CHECK(uncounted().empty());
  tree.write(recursive, "Total 0\n");
  Hierarchies const unified({{tree.root(), "/", true, {}}});
  CHECK(uncounted_devices(unified, busy, buffer).empty());
}

TEST_CASE("counting cannot be started where there is nothing to start it by") {
  std::vector<DeviceNumber> const disk{{8, 0}};
  FileTree tree;
  auto done = start_counting(Hierarchies({{tree.root(), "/", true, {}}}), disk);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::unsupported);
  // A directory that is no cgroup has no rules; what was made in it is gone again.
  done = start_counting(Hierarchies({{tree.root(), "/", false, {"blkio"}}}), disk);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::not_found);
  CHECK(std::filesystem::is_empty(tree.root()));
  done = start_counting(Hierarchies({{tree.path("none"), "/", false, {"blkio"}}}), disk);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::not_found);
}
