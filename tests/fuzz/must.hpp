#pragma once
// What a fuzzer's target says of what it decoded.

#include <cstdio>
#include <cstdlib>

namespace dadvisor::fuzz {

inline void must(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace dadvisor::fuzz
