#include "agent/host/descriptor_count.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <vector>

#include "common/core/fd.hpp"
#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FileTree;

TEST_CASE("the kernel tells how many descriptors a process has, by number as by name") {
  DescriptorCount const count("/proc");
  auto const before = count.of("self");
  REQUIRE(before);
  auto const listed = std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                    std::filesystem::directory_iterator());
  CHECK(*before == listed - 1);  // but for that of the listing
  std::vector<Fd> more;
  for (int i = 0; i < 7; ++i) more.emplace_back(::dup(0));
  CHECK(*count.of("self") == *before + 7);
  CHECK(*count.of(std::to_string(::getpid())) == *before + 7);
  more.clear();
  CHECK(*count.of("self") == *before);
  CHECK(count.of("999999999").error().code == Errc::gone);
}

TEST_CASE("where sizes tell nothing the entries are counted") {
  FileTree tree;
  for (char const* fd : {"7/fd/0", "7/fd/1", "7/fd/255", "self/fd/0", "self/fd/3"})
    tree.write(fd, "");
  DescriptorCount const count(tree.root());
  CHECK(count.of("7").value() == 3);
  CHECK(count.of("self").value() == 1);  // one is the listing itself
  CHECK(count.of("8").error().code == Errc::gone);
  tree.write("9/fd", "");
  CHECK(count.of("9").error().code == Errc::not_found);
}
