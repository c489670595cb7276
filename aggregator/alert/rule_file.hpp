#pragma once
// Rule files: all *.yml and *.yaml of a directory, loaded all or nothing. The format:
//
//   apiVersion: dadvisor/v1
//   groups:
//   - name: pay-api
//     rules:
//     - id: pay-api-cpu                 # [A-Za-z0-9_.-], unique over all files
//       title: "{{app}} CPU of quota"   # {{label}}, {{value}}, {{level}}, {{series}}
//       expr: dadvisor.*.instances.pay_api.*.cpu.pct_limit     # any Graphite target
//       reduce: avg(1m)                 # last (default), avg, max, min, sum over a window
//       crit: {when: "> 90", for: 3m, clear: "< 75"}
//       warn: {when: "> 80", for: 5m, clear: "< 70"}
//       no_data: {after: 2m}            # state: keep says nothing about missing data
//       labels: {team: payments}        # added to the series' own, winning over them
//       notify: [owner, oncall-pay]     # default [owner]
//       runbook: https://wiki/cpu       # becomes the label runbook, a link in messages
//
// At least one of crit and warn. `rules:` may stand at the top too, without a group.
// Start-up and reload only; pure but for reading the files.

#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "aggregator/alert/rule.hpp"

namespace dadvisor::aggregator::alert {

struct LoadedRules {
  std::vector<Rule> rules;          // by id; empty if there are errors
  std::vector<std::string> errors;  // "FILE:LINE: key: what; remedy"
};

// The rule files of a directory, sorted; none, and why, when it cannot be read.
std::vector<std::string> rule_files(std::string const& directory, std::error_code& error);

// `receivers`: the names that `notify` may use beside "owner"; nullopt: any. A directory that is
// not there is an error, one without rule files is not.
LoadedRules load_rules(std::string const& directory,
                       std::optional<std::set<std::string>> const& receivers = std::nullopt);
// The same of certain files.
LoadedRules load_rule_files(std::vector<std::string> const& files,
                            std::optional<std::set<std::string>> const& receivers = std::nullopt);

}  // namespace dadvisor::aggregator::alert
