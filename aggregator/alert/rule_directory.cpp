#include "aggregator/alert/rule_directory.hpp"

#include <system_error>

namespace dadvisor::aggregator::alert {

RuleDirectory::RuleDirectory(std::string directory, std::optional<std::set<std::string>> receivers,
                             Clock const& clock, Log log)
    : directory_(std::move(directory)),
      receivers_(std::move(receivers)),
      clock_(clock),
      log_(std::move(log)),
      seen_(look()),
      reloads_(clock.wall()) {}

FileStamps RuleDirectory::look() const {
  std::error_code error;
  return stamps_of(rule_files(directory_, error));
}

void RuleDirectory::set_receivers(std::set<std::string> receivers) {
  if (receivers_ == receivers) return;
  receivers_ = std::move(receivers);
  // Without a file there is nothing that names them, and a directory that never was is no slip.
  if (seen_ && !seen_->empty()) seen_.reset();
}

std::optional<std::vector<Rule>> RuleDirectory::poll() {
  auto now = look();
  if (now == seen_) return std::nullopt;
  seen_ = std::move(now);
  // A directory that is away as a whole (a mount, a swap of directories) is no order to drop all
  // rules; one without a file is.
  auto loaded = load_rules(directory_, receivers_);
  if (!loaded.errors.empty()) {
    reloads_.refused();
    for (auto const& error : loaded.errors) log_.error("rules stay as they were: {}", error);
    return std::nullopt;
  }
  reloads_.taken(clock_.wall());
  log_.info("{} rules loaded again from {}", loaded.rules.size(), directory_);
  return std::move(loaded.rules);
}

}  // namespace dadvisor::aggregator::alert
