#include "common/core/watched_files.hpp"

#include <utility>

namespace dadvisor {
namespace {

constexpr Nanoseconds look_every = std::chrono::seconds(2);

}  // namespace

WatchedFiles::WatchedFiles(std::vector<std::string> paths)
    : paths_(std::move(paths)), seen_(stamps()) {}

bool WatchedFiles::changed(MonotonicTime now) {
  if (looked_ && now - *looked_ < look_every) return false;
  looked_ = now;
  auto there = stamps();
  if (there == seen_) return false;
  seen_ = std::move(there);
  return true;
}

std::vector<WatchedFiles::Stamp> WatchedFiles::stamps() const {
  std::vector<Stamp> stamps(paths_.size());
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    struct stat status {};
    if (paths_[i].empty() || ::stat(paths_[i].c_str(), &status) != 0) continue;
    stamps[i] = {status.st_dev, status.st_ino, status.st_size,
                 status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
  }
  return stamps;
}

}  // namespace dadvisor
