#pragma once
// The directory of rule files, watched: rules are loaded again once a file of it has changed, all
// or nothing. One thread, but for reloads().

#include <optional>
#include <set>
#include <string>

#include "aggregator/alert/rule_file.hpp"
#include "aggregator/alert/watched_files.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::alert {

class RuleDirectory {
 public:
  // `receivers` as for load_rules(). What is there now counts as loaded already. `clock` must
  // outlive it.
  RuleDirectory(std::string directory, std::optional<std::set<std::string>> receivers,
                Clock const& clock, Log log);

  // The rules, if files have changed since the last call and all are sound; else the old ones are
  // to stay, and each slip was logged, once for each change.
  std::optional<std::vector<Rule>> poll();
  // Other receivers: the next poll() reads the rules again, since what they name may be there now,
  // or no more.
  void set_receivers(std::set<std::string> receivers);
  ReloadCounters reloads() const { return reloads_.counters(); }

 private:
  FileStamps look() const;

  std::string directory_;
  std::optional<std::set<std::string>> receivers_;
  Clock const& clock_;
  Log log_;
  std::optional<FileStamps> seen_;  // nullopt: to be loaded whatever is there
  Reloads reloads_;
};

}  // namespace dadvisor::aggregator::alert
