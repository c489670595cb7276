#include "graphite-bridge/carbon/carbon_directory.hpp"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

struct ConfDirectory {
  std::string path;
  ConfDirectory() {
    auto name = (std::filesystem::temp_directory_path() / "carbon-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~ConfDirectory() { std::filesystem::remove_all(path); }
  void write(std::string const& name, std::string const& text) const {
    auto const beside = path + "/new";
    std::ofstream(beside) << text;
    std::filesystem::rename(beside, path + "/" + name);  // another inode: seen at any clock
  }
};

std::int64_t step_of(CarbonDirectory const& directory) {
  return directory.files()->schemas.archives("a").front().step;
}

}  // namespace

TEST_CASE("files of carbon's directory are read again when they change, all or none") {
  ConfDirectory const conf;
  conf.write("storage-schemas.conf", "[a]\npattern = .\nretentions = 10s:1h\n");
  auto loaded = load_carbon_files(conf.path);
  REQUIRE(loaded.errors.empty());
  CarbonDirectory directory(conf.path, loaded.files, Log("test", LogLevel::error));
  CHECK(step_of(directory) == 10);
  CHECK_FALSE(directory.poll());
  conf.write("blacklist.conf", "x\n");
  CHECK(directory.poll());
  CHECK(directory.files()->black.contains("x"));
  conf.write("storage-schemas.conf", "[a]\npattern = .\nretentions = 20s:1h\n");
  conf.write("whitelist.conf", "(\n");
  CHECK_FALSE(directory.poll());
  CHECK(step_of(directory) == 10);  // one slip, and the old ones stay
  conf.write("whitelist.conf", "a\n");
  CHECK(directory.poll());
  CHECK(step_of(directory) == 20);
  std::filesystem::remove(conf.path + "/whitelist.conf");
  CHECK(directory.poll());
  CHECK(directory.files()->white.empty());
}

TEST_CASE("a directory that is not there is an error, and none at all is carbon's defaults") {
  auto const missing = load_carbon_files("/nonexistent/conf");
  REQUIRE(missing.errors.size() == 1);
  CHECK(missing.errors[0].find("no such directory") != std::string::npos);
  auto const none = load_carbon_files("");
  CHECK(none.errors.empty());
  CHECK(none.files->schemas.archives("a").front().step == 60);
}
