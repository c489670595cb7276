#include "agent/footprint.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <string>

using namespace dadvisor::agent;

namespace {

// KiB of this program's own file that are mapped and in memory, by /proc/self/smaps.
long resident_of_program() {
  std::ifstream maps("/proc/self/smaps");
  auto const program = "/unit_agent";
  bool own = false;
  long sum = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" kB") == std::string::npos) own = line.find(program) != std::string::npos;
    if (own && line.starts_with("Rss:")) sum += std::stol(line.substr(4));
  }
  return sum;
}

}  // namespace

TEST_CASE("pages of the program that nothing runs through are given back, and it goes on") {
  auto const begin = resident_of_program();
  REQUIRE(begin > 0);
  give_back_memory();
  auto const given_back = resident_of_program();
  CHECK(given_back < begin);
  // What is needed comes back.
  std::ostringstream text;
  text << 3.5 << std::string(1000, 'x');
  CHECK(text.str().size() == 1003);
}
