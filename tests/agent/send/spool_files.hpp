#pragma once
// Spools in a directory that goes with the test, and their files.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "agent/send/spool.hpp"

namespace dadvisor::test {

using namespace agent;
namespace files = std::filesystem;

inline WallTime at(std::int64_t s) { return from_unix_seconds(1700000000 + s); }

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/spool-test-XXXXXX";
    path = std::string(::mkdtemp(name)) + "/spool";
  }
  ~Directory() { files::remove_all(files::path(path).parent_path()); }
  std::vector<std::string> segments() const {
    std::vector<std::string> names;
    for (auto const& entry : files::directory_iterator(path))
      if (entry.path().filename().string().starts_with("segment-"))
        names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string first_filled() const {
    for (auto const& name : segments())
      if (files::file_size(name) > 0) return name;
    return {};
  }
};

inline SpoolOptions options(Directory const& directory, std::uint64_t segment_bytes = 4 << 20) {
  SpoolOptions options;
  options.directory = directory.path;
  options.segment_bytes = segment_bytes;
  return options;
}

inline Spool open(SpoolOptions options, std::int64_t now = 0) {
  auto spool = Spool::open(std::move(options), at(now));
  if (!spool) FAIL(to_string(spool.error()));
  return std::move(*spool);
}

inline std::uint64_t add(Spool& spool, std::string const& frame, std::int64_t tick = 0) {
  auto const record = spool.new_record();
  REQUIRE(spool.append(record, at(tick), frame));
  return record;
}

inline std::vector<std::uint64_t> records(Spool const& spool) {
  std::vector<std::uint64_t> records;
  for (auto const& held : spool.held()) records.push_back(held.record);
  return records;
}

inline std::string contents(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void replace(std::string const& path, std::string const& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

using Numbers = std::vector<std::uint64_t>;

}  // namespace dadvisor::test
