#include "agent/fs/tree_size.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;

namespace {

std::atomic<bool> const go_on{false};
constexpr std::int64_t plenty = 1'000'000;

std::int64_t blocks_of(std::string const& path) {
  struct stat of {};
  REQUIRE(::lstat(path.c_str(), &of) == 0);
  return of.st_blocks * 512;
}

}  // namespace

TEST_CASE("a tree is the blocks of all that is in it, each file once") {
  test::FileTree tree;
  tree.write("a/one", std::string(100'000, 'x'));
  tree.write("a/b/two", std::string(5'000, 'y'));
  REQUIRE(::link(tree.path("a/one").c_str(), tree.path("a/b/again").c_str()) == 0);
  REQUIRE(::symlink("/usr", tree.path("a/elsewhere").c_str()) == 0);
  REQUIRE(::mkfifo(tree.path("a/pipe").c_str(), 0600) == 0);
  // A file of a mebibyte with nothing in it: a hole.
  tree.write("a/hole", "");
  REQUIRE(::truncate(tree.path("a/hole").c_str(), 1 << 20) == 0);
  auto const size = tree_size(tree.path("a"), plenty, go_on);
  REQUIRE(size);
  std::int64_t bytes = 0;
  for (char const* path : {"a", "a/one", "a/b", "a/b/two", "a/elsewhere", "a/pipe", "a/hole"})
    bytes += blocks_of(tree.path(path));
  CHECK(size->bytes == bytes);
  CHECK(size->bytes >= 105'000);
  CHECK(size->bytes < (1 << 20));
  CHECK(size->inodes == 7);
  CHECK_FALSE(size->partial);
}

TEST_CASE("the budget ends a count, which says so") {
  test::FileTree tree;
  for (int i = 0; i < 20; ++i) tree.write("d/" + std::to_string(i), "x");
  auto const size = tree_size(tree.path("d"), 8, go_on);
  REQUIRE(size);
  CHECK(size->inodes == 8);
  CHECK(size->partial);
  auto const whole = tree_size(tree.path("d"), 21, go_on);
  CHECK(whole->inodes == 21);
  CHECK_FALSE(whole->partial);
}

TEST_CASE("what is no directory is an error; a stop ends a count") {
  test::FileTree tree;
  tree.write("file", "x");
  CHECK(tree_size(tree.path("none"), plenty, go_on).error().code == Errc::not_found);
  CHECK_FALSE(tree_size(tree.path("file"), plenty, go_on));
  tree.directory("d");
  // A link in place of the directory is not followed.
  REQUIRE(::symlink("d", tree.path("link").c_str()) == 0);
  CHECK_FALSE(tree_size(tree.path("link"), plenty, go_on));
  std::atomic<bool> const stop{true};
  CHECK(tree_size(tree.path("d"), plenty, stop).error().code == Errc::gone);
}

TEST_CASE("directories in directories are counted") {
  test::FileTree tree;
  std::string path = "d";
  for (int i = 0; i < 100; ++i) path += "/" + std::string(30, 'n');
  std::string const deep = tree.path(path);
  REQUIRE(deep.size() < 4096);
  tree.directory(path);
  CHECK(tree_size(tree.path("d"), plenty, go_on)->inodes == 101);
}
