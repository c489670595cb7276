#pragma once
// What rtnetlink answered on a 6.18 kernel with two containers, "a" in two networks and "b" in one:
// "links", "counters", "name_space_a", "name_space_b"; and their own net/dev at the same time,
// "dev_a" and "dev_b".

#include <fstream>
#include <iterator>
#include <string>

namespace dadvisor::test {

inline std::string recorded(std::string const& name) {
  std::ifstream in(DADVISOR_FIXTURES "/net/6.18/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace dadvisor::test
