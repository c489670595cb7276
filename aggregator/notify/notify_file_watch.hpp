#pragma once
// The notify file, watched, with the files of secrets that it names: it is loaded again once one
// of them has changed, all or nothing. One thread, but for reloads().

#include <optional>
#include <string>

#include "aggregator/alert/watched_files.hpp"
#include "aggregator/notify/notify_file.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::notify {

class NotifyFileWatch {
 public:
  // `clock` must outlive it.
  NotifyFileWatch(std::string file, Clock const& clock, Log log);

  // The first load, with what is wrong with it. Without it what is there now is taken for loaded.
  LoadedDirectory load();
  // The directory, if a file has changed since the last call and all is sound; else the old one is
  // to stay, and each slip was logged, once for each change.
  std::optional<Directory> poll();
  alert::ReloadCounters reloads() const { return reloads_.counters(); }

 private:
  std::string const file_;
  Clock const& clock_;
  Log const log_;
  std::vector<std::string> watched_;
  alert::FileStamps seen_;
  alert::Reloads reloads_;
};

}  // namespace dadvisor::aggregator::notify
