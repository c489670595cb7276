#pragma once
// Reads the log of earlier runs, however damaged the files are, in two passes. The first one looks
// at the frames' headers alone: how far each stream is must be known before anything is accepted.
// The second decodes every batch, in the order in which they were written, while the store serves.
// What was read is synced first, since a run that was killed may have left it in the page cache
// alone, and the marks made of it are told to agents.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "aggregator/store/disk.hpp"
#include "aggregator/store/log_writer.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

struct LogSurvey {
  std::vector<LogFile> files;  // by number
  std::map<StreamLane, std::uint64_t> marks;
  std::uint64_t damaged = 0;  // stretches that were skipped
};

// Errors: io, when the directory or a file cannot be read or synced.
Result<LogSurvey> survey_log(Disk& disk, std::string const& directory);

// Calls apply(file number, batch) for each batch of the files; false ends it. Returns how many
// whole frames could not be decoded, for want of their base. Errors: io.
Result<std::uint64_t> replay_log(Disk& disk, std::string const& directory,
                                 std::vector<LogFile> const& files,
                                 std::function<bool(std::uint64_t, Batch const&)> const& apply);

}  // namespace dadvisor::aggregator::store
