#pragma once
// How a start that cannot be ends: a line on stderr that says why, and the exit status; 2 is for
// what the operator can mend in the configuration, 1 for the rest. Main's thread.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::aggregator {

inline constexpr int exit_usage = 2;

[[noreturn]] inline void fail(std::string const& why, int status = exit_usage) {
  std::fprintf(stderr, "dadvisor-aggregator: %s\n", why.c_str());
  std::exit(status);
}

inline void fail_if_any(std::vector<std::string> const& errors) {
  if (errors.empty()) return;
  for (auto const& error : errors) std::fprintf(stderr, "dadvisor-aggregator: %s\n", error.c_str());
  std::exit(exit_usage);
}

template <typename Opened>
Opened or_fail(std::string const& what, Result<Opened> opened) {
  if (!opened) fail(what + ": " + to_string(opened.error()), 1);
  return std::move(*opened);
}

}  // namespace dadvisor::aggregator
