#include "agent/host/kernel_file.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FileTree;

TEST_CASE("a kept file is read anew each time, however long it grows") {
  FileTree tree;
  tree.write("usage", "1\n");
  auto file = KernelFile::open(tree.path("usage"));
  REQUIRE(file);
  ReadBuffer buffer;
  CHECK(*file->read(buffer) == "1\n");
  tree.write("usage", std::string(40'000, 'x'));
  CHECK(file->read(buffer)->size() == 40'000);
  tree.write("usage", "22\n");
  CHECK(*file->read(buffer) == "22\n");
}

TEST_CASE("a file of many records is read to its end") {
  // The kernel gives vmstat page by page: 4 KiB and more only by several reads.
  ReadBuffer buffer;
  auto const text = read_once("/proc/vmstat", buffer, Records::many);
  REQUIRE(text);
  CHECK(text->find("pgmajfault ") != std::string_view::npos);
  CHECK(text->back() == '\n');
}

TEST_CASE("what the kernel does not have reads as empty, without error") {
  FileTree tree;
  auto file = KernelFile::open(tree.path("memory.peak"));
  REQUIRE(file);
  CHECK_FALSE(*file);
  ReadBuffer buffer;
  auto const text = file->read(buffer);
  REQUIRE(text);
  CHECK(text->empty());
}

TEST_CASE("a kept file of a process says gone once the process has ended") {
  pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  auto file = KernelFile::open("/proc/" + std::to_string(child) + "/stat");
  REQUIRE(file);
  ReadBuffer buffer;
  CHECK(file->read(buffer)->starts_with(std::to_string(child)));
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  auto const text = file->read(buffer);
  REQUIRE_FALSE(text);
  CHECK(text.error().code == Errc::gone);
}
