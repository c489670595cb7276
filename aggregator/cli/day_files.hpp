#pragma once
// Points on their way from files of any order to the aggregator, sorted by days: a directory with a
// file for each day, which goes when its points are acknowledged. So a day's windows are made of
// all its points at once, memory is that of one day, and an import that was cut short goes on
// where it ended. One thread.
//
//   series      "PATH STEP" a line, STEP 0: not known; a point names its line
//   N.points    those of day N since 1970, 24 bytes each, as this machine has them
//   complete    what was read, and a line "NAME BYTES" for each of the other files: with it, and
//               with files of that size as far as they are still there, the directory is whole

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::aggregator::cli {

inline constexpr std::int64_t day_seconds = 86400;

struct DayPoint {
  std::uint32_t series = 0;
  std::int64_t time = 0;  // unix seconds
  double value = 0;
  std::int32_t span = 0;  // seconds; 0: a step
};

struct DaySeries {
  std::string path;
  std::int64_t step = 0;  // seconds; 0: not known
};

class DayFiles {
 public:
  // The directory is made; what is in it counts where it is complete and of `source`, else it is
  // removed. Errors: io, conflict (it has files that are none of ours).
  static Result<DayFiles> open(std::string directory, std::string source);

  bool complete() const { return complete_; }
  std::uint32_t series(std::string_view path, std::int64_t step);
  Result<void> add(DayPoint const& point);
  // All was added: from here on it is complete.
  Result<void> finish();

  std::vector<std::int64_t> days() const;  // that are left, ascending
  DaySeries const& name(std::uint32_t series) const { return names_[series]; }
  // By series, those of one in the order in which they were added.
  Result<std::vector<DayPoint>> read(std::int64_t day) const;
  Result<void> remove(std::int64_t day);
  // The directory goes.
  void remove_all();

 private:
  DayFiles(std::string directory, std::string source)
      : directory_(std::move(directory)), source_(std::move(source)) {}
  Result<void> load();
  // Whether what `complete` says of the files is so.
  bool whole(std::string_view complete) const;
  Result<void> flush();
  std::string path_of(std::int64_t day) const;

  std::string directory_, source_;
  bool complete_ = false;
  std::vector<DaySeries> names_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
  std::map<std::int64_t, std::string> waiting_;  // bytes by day
  std::size_t waiting_bytes_ = 0;
  std::map<std::int64_t, std::uint64_t> bytes_;  // written by day
};

}  // namespace dadvisor::aggregator::cli
