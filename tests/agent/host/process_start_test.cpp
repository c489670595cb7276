#include "agent/host/process_start.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor::agent;
using dadvisor::test::FileTree;

TEST_CASE("a process's start is found behind a name with blanks and brackets") {
  FileTree tree;
  tree.write("stat", "cpu 1 2 3\nbtime 1795390816\n");
  tree.write("77/stat",
             "77 (evil) name 9 (x) S 1 77 77 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 1 0 12345 "
             "1000 2 3\n");
  ReadBuffer buffer;
  CHECK(process_start_ns(tree.root(), 77, buffer) == 1795390816'000'000'000 + 123'450'000'000);
  CHECK_FALSE(process_start_ns(tree.root(), 78, buffer));
  tree.write("79/stat", "79 (short) S 1\n");
  CHECK_FALSE(process_start_ns(tree.root(), 79, buffer));
}
