#include "aggregator/alert/rule_directory.hpp"

#include <sys/stat.h>

#include <system_error>

namespace dadvisor::aggregator::alert {

RuleDirectory::RuleDirectory(std::string directory, std::optional<std::set<std::string>> receivers,
                             Log log)
    : directory_(std::move(directory)),
      receivers_(std::move(receivers)),
      log_(std::move(log)),
      seen_(look()) {}

std::map<std::string, RuleDirectory::Stamp> RuleDirectory::look() const {
  std::map<std::string, Stamp> found;
  std::error_code error;
  for (auto const& file : rule_files(directory_, error)) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) continue;  // removed meanwhile: seen at the next look
    found[file] = {info.st_ino, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
                   static_cast<std::uint64_t>(info.st_size)};
  }
  return found;
}

std::optional<std::vector<Rule>> RuleDirectory::poll() {
  auto now = look();
  if (now == seen_) return std::nullopt;
  seen_ = std::move(now);
  // A directory that is away as a whole (a mount, a swap of directories) is no order to drop all
  // rules; one without a file is.
  auto loaded = load_rules(directory_, receivers_);
  if (!loaded.errors.empty()) {
    ++reloads_.refused;
    for (auto const& error : loaded.errors) log_.error("rules stay as they were: {}", error);
    return std::nullopt;
  }
  ++reloads_.taken;
  log_.info("{} rules loaded again from {}", loaded.rules.size(), directory_);
  return std::move(loaded.rules);
}

}  // namespace dadvisor::aggregator::alert
