#pragma once
// Reads the log of earlier runs: every batch in the order in which it was written, however
// damaged the files are. What was read is synced first, since a run that was killed may have left
// it in the page cache alone, and the marks made of it are told to agents.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "aggregator/store/disk.hpp"
#include "aggregator/store/log_writer.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

struct Replay {
  std::vector<LogFile> files;  // by number
  std::map<StreamLane, std::uint64_t> marks;
  std::uint64_t damaged = 0;  // stretches skipped, and whole frames that lack their base
};

// apply(file number, batch). Errors: io, when the directory or a file cannot be read or synced.
Result<Replay> replay_log(Disk& disk, std::string const& directory,
                          std::function<void(std::uint64_t, Batch const&)> const& apply);

}  // namespace dadvisor::aggregator::store
