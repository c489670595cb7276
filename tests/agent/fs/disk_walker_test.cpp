#include "agent/fs/disk_walker.hpp"

#include <catch2/catch.hpp>
#include <thread>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;

namespace {

// Until `ask` says true; the test fails where it never does.
template <typename Ask>
void wait_for(Ask const& ask) {
  for (int i = 0; i < 3000 && !ask(); ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(ask());
}

}  // namespace

TEST_CASE("trees are counted, counted again at their pace, and forgotten") {
  test::FileTree tree;
  tree.write("a/x", "1");
  tree.write("b/x", "1");
  tree.write("b/y", "1");
  DiskWalkerOptions options;
  options.pace = 20ms;
  options.budget = 3;
  DiskWalker walker(options);
  CHECK_FALSE(walker.size_of(tree.path("a")));
  walker.want({tree.path("a"), tree.path("b"), tree.path("none")});
  wait_for([&] { return walker.size_of(tree.path("a")) && walker.size_of(tree.path("b")); });
  CHECK(walker.size_of(tree.path("a"))->inodes == 2);
  CHECK(walker.size_of(tree.path("b"))->inodes == 3);
  wait_for([&] { return walker.counters().failures > 0; });
  CHECK_FALSE(walker.size_of(tree.path("none")));
  CHECK(walker.counters().partial == 0);

  tree.write("b/z", "1");
  wait_for([&] { return walker.counters().partial == 1; });
  CHECK(walker.size_of(tree.path("b"))->partial);

  walker.want({tree.path("a")});
  CHECK_FALSE(walker.size_of(tree.path("b")));
  CHECK(walker.counters().partial == 0);
  auto const walks = walker.counters().walks;
  wait_for([&] { return walker.counters().walks > walks + 1; });
}

TEST_CASE("it ends at once, walking or waiting") {
  test::FileTree tree;
  tree.directory("a");
  auto const began = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    DiskWalker walker({});
    if (i % 2 == 0) walker.want({tree.path("a")});
  }
  CHECK(std::chrono::steady_clock::now() - began < 20s);  // one that waits takes a second each
}
