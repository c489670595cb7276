#include "common/core/watched_files.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace dadvisor;
using std::chrono::milliseconds;

TEST_CASE("a file has changed when another is there, it is another size, other rights or gone") {
  auto const directory =
      std::filesystem::temp_directory_path() / ("watched-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  auto const path = (directory / "a").string();
  auto const write = [](std::string const& where, char const* text) {
    std::ofstream(where, std::ios::trunc) << text;
  };
  MonotonicTime now{std::chrono::hours(1)};
  auto const later = [&now] { return now += milliseconds(2000); };

  WatchedFiles files({path, "", (directory / "none").string()});
  CHECK_FALSE(files.changed(later()));
  write(path, "one");
  CHECK_FALSE(files.changed(now + milliseconds(1999)));  // it was looked a moment ago
  CHECK(files.changed(later()));
  CHECK_FALSE(files.changed(later()));
  write(path, "longer");
  CHECK(files.changed(later()));
  auto const beside = path + ".new";
  write(beside, "longer");
  std::filesystem::rename(beside, path);
  CHECK(files.changed(later()));
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  CHECK(files.changed(later()));
  std::filesystem::remove(path);
  CHECK(files.changed(later()));
  CHECK_FALSE(files.changed(later()));
  std::filesystem::remove_all(directory);
}
