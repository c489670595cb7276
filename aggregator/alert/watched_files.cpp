#include "aggregator/alert/watched_files.hpp"

#include <sys/stat.h>

namespace dadvisor::aggregator::alert {

FileStamps stamps_of(std::vector<std::string> const& files) {
  FileStamps found;
  for (auto const& file : files) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) continue;  // removed meanwhile: seen at the next look
    found[file] = {info.st_ino, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
                   static_cast<std::uint64_t>(info.st_size)};
  }
  return found;
}

void Reloads::taken(WallTime now) {
  std::lock_guard const lock(mutex_);
  ++counters_.taken;
  counters_.last_taken = now;
}

void Reloads::refused() {
  std::lock_guard const lock(mutex_);
  ++counters_.refused;
}

ReloadCounters Reloads::counters() const {
  std::lock_guard const lock(mutex_);
  return counters_;
}

}  // namespace dadvisor::aggregator::alert
