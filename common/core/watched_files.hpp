#pragma once
// Files that are read again when they change: whether they did, at the cost of a stat(2) each once
// in two seconds. A file is another one when its inode, its size or the time of its last change
// (which rights count in too) is; one that is not there is one of its own. Not thread-safe.

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/core/clock.hpp"

namespace dadvisor {

class WatchedFiles {
 public:
  // Remembers what is there. Made before the files are read, so that no change in between is
  // missed. An empty path is no file.
  explicit WatchedFiles(std::vector<std::string> paths);
  // Whether one of them is another since this, or the beginning, said so last.
  bool changed(MonotonicTime now);

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t changed = 0;  // ns
    bool operator==(Stamp const&) const = default;
  };
  std::vector<Stamp> stamps() const;

  std::vector<std::string> const paths_;
  std::vector<Stamp> seen_;
  std::optional<MonotonicTime> looked_;
};

}  // namespace dadvisor
