#pragma once
// What a directory tree holds on disk, as du(1) counts it.

#include <atomic>
#include <cstdint>
#include <string>

#include "common/core/result.hpp"

namespace dadvisor::agent {

struct TreeSize {
  std::int64_t bytes = 0;   // of blocks on disk, so that holes count nothing
  std::int64_t inodes = 0;  // the top directory included; of several names of one file the first
  bool partial = false;     // the budget ended before the tree did: there is more
};

// Looks at no more than `budget` inodes, follows no link and stays on the file system of `path`.
// What vanishes meanwhile is left out; a directory below that may not be read too. `stop` ends it
// within one directory, with Errc::gone. Errors: not_found, denied, ... of `path` itself.
Result<TreeSize> tree_size(std::string const& path, std::int64_t budget,
                           std::atomic<bool> const& stop);

}  // namespace dadvisor::agent
