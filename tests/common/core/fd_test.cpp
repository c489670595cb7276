#include "common/core/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

using namespace dadvisor;

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

struct TemporaryDirectory {
  TemporaryDirectory() {
    char name[] = "/tmp/dadvisor-fd-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace

TEST_CASE("an Fd closes what it owned when it is assigned over") {
  auto first = open_file("/dev/null", O_RDONLY);
  auto second = open_file("/dev/zero", O_RDONLY);
  REQUIRE(first);
  REQUIRE(second);
  int const was = first->get();
  int const becomes = second->get();
  *first = std::move(*second);
  CHECK_FALSE(is_open(was));
  CHECK(is_open(becomes));
  CHECK(first->get() == becomes);
  CHECK_FALSE(static_cast<bool>(*second));
}

TEST_CASE("opening what is not there is not_found and names the path") {
  auto fd = open_file("/nonexistent/file", O_RDONLY);
  REQUIRE_FALSE(fd);
  CHECK(fd.error().code == Errc::not_found);
  CHECK(fd.error().context == "/nonexistent/file: No such file or directory");
}

TEST_CASE("read_file refuses more than its limit") {
  TemporaryDirectory directory;
  auto const path = directory.path + "/file";
  REQUIRE(replace_file(path, std::string(100, 'x')));
  CHECK(read_file(path, 100).value() == std::string(100, 'x'));
  auto const refused = read_file(path, 99);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::too_large);
}

TEST_CASE("replace_file leaves nothing beside the file") {
  TemporaryDirectory directory;
  auto const path = directory.path + "/file";
  REQUIRE(replace_file(path, "old"));
  REQUIRE(replace_file(path, "new"));
  CHECK(read_file(path).value() == "new");
  auto const files = std::filesystem::directory_iterator(directory.path);
  CHECK(std::distance(begin(files), end(files)) == 1);
}

TEST_CASE("replace_file follows no symbolic link that was planted beside it") {
  TemporaryDirectory directory;
  auto const path = directory.path + "/file";
  auto const victim = directory.path + "/victim";
  REQUIRE(replace_file(victim, "untouched"));
  REQUIRE(::symlink(victim.c_str(), (path + ".new").c_str()) == 0);
  CHECK_FALSE(replace_file(path, "new"));
  CHECK(read_file(victim).value() == "untouched");
}
