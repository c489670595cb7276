#pragma once
// What is fuzzed: every decoder of bytes from outside or from a disk that may be damaged. A target
// takes any bytes; it must neither crash nor hang nor take much memory, and aborts when what it
// decoded does not hold together. CRCs are made right where they would turn all bytes away.

#include <span>
#include <string_view>

namespace dadvisor::fuzz {

struct Target {
  char const* name;
  void (*take)(std::string_view bytes);
};

std::span<Target const> targets();

}  // namespace dadvisor::fuzz
