#include "agent/fs/project_quota.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/fs/disk_walker.hpp"
#include "common/core/fd.hpp"
#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

dev_t device_of(std::string const& path) {
  struct stat of {};
  REQUIRE(::stat(path.c_str(), &of) == 0);
  return of.st_dev;
}

void charge(std::string const& path, std::uint32_t project, bool inherited = true) {
  auto const directory = open_file(path, O_RDONLY | O_DIRECTORY);
  REQUIRE(directory);
  fsxattr attributes{};
  REQUIRE(::ioctl(directory->get(), FS_IOC_FSGETXATTR, &attributes) == 0);
  attributes.fsx_projid = project;
  attributes.fsx_xflags = inherited ? FS_XFLAG_PROJINHERIT : 0;
  REQUIRE(::ioctl(directory->get(), FS_IOC_FSSETXATTR, &attributes) == 0);
}

void write(std::string const& path, std::size_t bytes) {
  std::ofstream file(path, std::ios::trunc);
  file << std::string(bytes, 'x');
  REQUIRE(file.flush());
}

TreeSize walked(std::string const& path) {
  std::atomic<bool> const go_on{false};
  auto const size = tree_size(path, 1'000, go_on);
  REQUIRE(size);
  return *size;
}

// Where e2e/project_quota_test.py has mounted a file system that accounts projects.
std::optional<std::string> accounted() {
  char const* const path = std::getenv("DADVISOR_PROJECT_QUOTA");
  return path ? std::optional(std::string(path) + "/" + std::to_string(::getpid())) : std::nullopt;
}

}  // namespace

TEST_CASE("a tree without a project has none, and a file system without quota tells none") {
  test::FileTree tree;
  tree.write("layer/diff/file", "1");
  CHECK_FALSE(project_of(tree.path("layer/diff")));
  CHECK_FALSE(project_of(tree.path("none")));
  CHECK_FALSE(project_of("/"));
  CHECK_FALSE(project_of("/proc"));
  CHECK_FALSE(project_size(tree.root(), {device_of(tree.root()), 7}));
  CHECK(project_size(tree.path("none"), {1, 7}).error().code == Errc::not_found);
}

TEST_CASE("a layer with a project of its own is told by its quota as a walk counts it") {
  auto const root = accounted();
  if (!root) return;
  for (char const* layer : {"/layers/a", "/layers/b", "/layers/c"})
    fs::create_directories(*root + layer);
  auto const layers = *root + "/layers";
  charge(layers + "/a", 1001);
  fs::create_directories(layers + "/a/diff/below");
  fs::create_directories(layers + "/b/diff");
  write(layers + "/a/diff/big", 3'000'000);
  write(layers + "/a/diff/below/small", 1);
  write(layers + "/b/diff/file", 50'000);
  Project const own{device_of(layers), 1001};
  CHECK(project_of(layers + "/a/diff") == own);
  CHECK(project_of(layers + "/a") == own);
  CHECK_FALSE(project_of(layers + "/b/diff"));
  // Not of a part of it.
  CHECK_FALSE(project_of(layers + "/a/diff/below"));
  ::sync();
  auto const truth = walked(layers + "/a");
  CHECK(truth.bytes > 3'000'000);
  CHECK(truth.inodes == 5);
  auto const told = project_size(layers + "/a/diff", own);
  REQUIRE(told);
  CHECK(told->bytes == truth.bytes);
  CHECK(told->inodes == truth.inodes);
  CHECK_FALSE(told->partial);

  DiskWalkerOptions options;
  options.pace = 20ms;
  auto const counted = [&](std::set<std::string> const& paths, std::uint64_t rounds) {
    DiskWalker walker(options);
    walker.want(paths);
    for (int i = 0; i < 3'000 && walker.counters().walks < rounds * paths.size(); ++i)
      std::this_thread::sleep_for(10ms);
    REQUIRE(walker.counters().walks >= rounds * paths.size());
    for (auto const& path : paths) {
      auto const size = walker.size_of(path);
      REQUIRE(size);
      // The quota has the layer's own directory too.
      CHECK(size->bytes - walked(path).bytes <=
            walked(layers + "/a").bytes - walked(layers + "/a/diff").bytes);
      CHECK(size->bytes >= walked(path).bytes);
    }
    return walker.counters().quotas;
  };
  CHECK(counted({layers + "/a/diff"}, 1) > 0);
  CHECK(counted({layers + "/b/diff"}, 1) == 0);
  // One project for two layers: each may be asked for it once, before the other is known.
  charge(layers + "/c", 1001);
  fs::create_directories(layers + "/c/diff");
  DiskWalker walker(options);
  walker.want({layers + "/a/diff", layers + "/c/diff"});
  for (int i = 0; i < 3'000 && walker.counters().walks < 8; ++i) std::this_thread::sleep_for(10ms);
  CHECK(walker.counters().walks >= 8);
  CHECK(walker.counters().quotas <= 1);
  CHECK(walker.size_of(layers + "/c/diff")->bytes == walked(layers + "/c/diff").bytes);
  // One for all layers, as a whole runtime may have.
  charge(layers, 1001);
  CHECK_FALSE(project_of(layers + "/a/diff"));
  charge(layers, 0, false);
  // What is made in it belongs to nobody in particular.
  charge(layers + "/a/diff", 1001, false);
  CHECK_FALSE(project_of(layers + "/a/diff"));
}
