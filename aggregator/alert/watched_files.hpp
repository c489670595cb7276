#pragma once
// Files of a configuration, watched, and how often they were loaded again. By looking, not by
// inotify: so an edit by rename, by a mount or over a network is seen alike.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "common/core/clock.hpp"

namespace dadvisor::aggregator::alert {

// What tells two versions of a file apart: inode, time of change in ns, bytes.
using FileStamp = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;
using FileStamps = std::map<std::string, FileStamp>;
// Of those that are there. Any thread.
FileStamps stamps_of(std::vector<std::string> const& files);

struct ReloadCounters {
  std::uint64_t taken = 0;    // loaded again, all sound
  std::uint64_t refused = 0;  // something was wrong: what was loaded before stays
  WallTime last_taken{};      // when what is in use was loaded
};

// Any thread.
class Reloads {
 public:
  explicit Reloads(WallTime loaded) { counters_.last_taken = loaded; }
  void taken(WallTime now);
  void refused();
  ReloadCounters counters() const;

 private:
  mutable std::mutex mutex_;
  ReloadCounters counters_;
};

}  // namespace dadvisor::aggregator::alert
