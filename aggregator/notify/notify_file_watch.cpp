#include "aggregator/notify/notify_file_watch.hpp"

namespace dadvisor::aggregator::notify {

NotifyFileWatch::NotifyFileWatch(std::string file, Clock const& clock, Log log)
    : file_(std::move(file)),
      clock_(clock),
      log_(std::move(log)),
      watched_({file_}),
      seen_(alert::stamps_of(watched_)),
      reloads_(clock.wall()) {}

LoadedDirectory NotifyFileWatch::load() {
  // Looked at before it is read: what changes meanwhile is read again.
  seen_ = alert::stamps_of(watched_);
  auto loaded = load_directory(file_);
  watched_ = loaded.secret_files;
  watched_.push_back(file_);
  for (auto const& [file, stamp] : alert::stamps_of(loaded.secret_files))
    seen_.try_emplace(file, stamp);
  std::erase_if(seen_, [&](auto const& one) {
    return one.first != file_ && !std::count(watched_.begin(), watched_.end(), one.first);
  });
  return loaded;
}

std::optional<Directory> NotifyFileWatch::poll() {
  if (alert::stamps_of(watched_) == seen_) return std::nullopt;
  auto loaded = load();
  if (!loaded.errors.empty()) {
    reloads_.refused();
    for (auto const& error : loaded.errors) log_.error("receivers stay as they were: {}", error);
    return std::nullopt;
  }
  reloads_.taken(clock_.wall());
  log_.info("{} receivers and {} owners loaded again from {}", loaded.directory.receivers.size(),
            loaded.directory.owners.size(), file_);
  return std::move(loaded.directory);
}

}  // namespace dadvisor::aggregator::notify
