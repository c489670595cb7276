#pragma once
// A directory tree of files for tests, laid out as the kernel's, gone when the object goes.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace dadvisor::test {

class FileTree {
 public:
  FileTree() {
    std::string name = (std::filesystem::temp_directory_path() / "dadvisor-tree.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = name;
  }
  FileTree(FileTree const&) = delete;
  FileTree& operator=(FileTree const&) = delete;
  ~FileTree() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::string const& root() const { return root_; }
  std::string path(std::string const& below) const { return root_ + "/" + below; }
  // Writes a file, in place when it is there (as the kernel does: whoever holds it open sees it).
  void write(std::string const& below, std::string_view text) const {
    std::filesystem::create_directories(std::filesystem::path(path(below)).parent_path());
    std::ofstream file(path(below), std::ios::trunc);
    file << text;
    REQUIRE(file.flush());
  }
  void remove(std::string const& below) const { std::filesystem::remove_all(path(below)); }
  void directory(std::string const& below) const {
    std::filesystem::create_directories(path(below));
  }
  // A copy of a directory of tests/fixtures.
  void copy(std::string const& fixture, std::string const& below = ".") const {
    directory(below);
    std::filesystem::copy(std::string(DADVISOR_FIXTURES) + "/" + fixture, path(below),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }

 private:
  std::string root_;
};

}  // namespace dadvisor::test
