#pragma once
// The directory of rule files, watched: rules are loaded again once a file of it has changed, all
// or nothing. By looking, not by inotify: so an edit by rename, by a mount or over a network is
// seen alike. One thread.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "aggregator/alert/rule_file.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::alert {

struct RuleReloads {
  std::uint64_t taken = 0, refused = 0;
};

class RuleDirectory {
 public:
  // `receivers` as for load_rules(). What is there now counts as loaded already.
  RuleDirectory(std::string directory, std::optional<std::set<std::string>> receivers, Log log);

  // The rules, if files have changed since the last call and all are sound; else the old ones are
  // to stay, and each slip was logged, once for each change.
  std::optional<std::vector<Rule>> poll();
  RuleReloads const& reloads() const { return reloads_; }

 private:
  using Stamp = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;  // inode, mtime, size
  std::map<std::string, Stamp> look() const;

  std::string directory_;
  std::optional<std::set<std::string>> receivers_;
  Log log_;
  std::map<std::string, Stamp> seen_;
  RuleReloads reloads_;
};

}  // namespace dadvisor::aggregator::alert
