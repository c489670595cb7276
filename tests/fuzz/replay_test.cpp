// What the fuzzers found once, and where they begin: each input of tests/fixtures/fuzz/TARGET is
// taken again; a target aborts where something does not hold.

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "targets.hpp"

namespace dadvisor::fuzz {
namespace {

TEST_CASE("inputs that a fuzzer found are taken") {
  for (Target const& target : targets()) {
    INFO(target.name);
    auto const directory = std::filesystem::path(DADVISOR_FIXTURES) / "fuzz" / target.name;
    REQUIRE(std::filesystem::is_directory(directory));
    std::size_t inputs = 0;
    for (auto const& entry : std::filesystem::directory_iterator(directory)) {
      std::ifstream in(entry.path(), std::ios::binary);
      std::string const bytes(std::istreambuf_iterator<char>(in), {});
      INFO(entry.path());
      target.take(bytes);
      // And its neighbours.
      std::mt19937 random(1);
      for (int i = 0; i < 50 && !bytes.empty(); ++i) {
        std::string changed = bytes;
        changed[random() % changed.size()] = static_cast<char>(random());
        target.take(changed);
        target.take(std::string_view(changed).substr(0, random() % changed.size()));
      }
      ++inputs;
    }
    CHECK(inputs > 0);
  }
}

}  // namespace
}  // namespace dadvisor::fuzz
