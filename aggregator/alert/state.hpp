#pragma once
// What an alert remembers of one instance of a rule (one series of its target), and the changes
// that it tells of. Plain values.
//
//   OK --when--> PENDING --for--> FIRING(warn|crit) --clear--> RESOLVED -> OK
//   any --no data for no_data.after--> NODATA: the incident stays open; only data ends it
//
// An incident lives from the first FIRING or NODATA to RESOLVED; its notices are numbered from 1.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/alert/rule.hpp"

namespace dadvisor::aggregator::alert {

using Tick = std::chrono::sys_seconds;

enum class Status : std::uint8_t { ok, pending, firing, nodata, resolved };
enum class Level : std::uint8_t { none, warn, crit };
// Why an incident ended.
enum class Reason : std::uint8_t {
  none,
  cleared,       // the values are good again
  gone,          // the container has ended: its agent lists it no longer
  expired,       // no data for so long that the instance is forgotten
  rule_removed,  // the rule is no longer in the files
};
char const* to_string(Status status);  // "OK", "PENDING", ...
char const* to_string(Level level);    // "", "warn", "crit"
char const* to_string(Reason reason);  // "", "cleared", ...
std::optional<Status> status_of(std::string_view text);
std::optional<Level> level_of(std::string_view text);
std::optional<Reason> reason_of(std::string_view text);

struct InstanceState {
  Status status = Status::ok;
  Level level = Level::none;       // of FIRING and PENDING; under NODATA: the level it had
  Tick since{};                    // in this status
  std::optional<Tick> crit_since;  // crit's `when` holds without a break since
  std::optional<Tick> warn_since;
  Tick last_data{};             // the newest tick with a value
  std::optional<double> value;  // at that tick
  std::string path;             // the metric's path where the series is only an alias of one

  // Of the open incident, or after RESOLVED of the last one:
  std::string incident;        // empty: there never was one
  std::uint64_t sequence = 0;  // of its newest notice
  Tick opened{};               // the tick of its first notice
  Tick began{};                // since when the condition held
  LabelMap labels;             // as of the newest notice
  std::string title;           // rendered, as of the newest notice

  bool open() const { return status == Status::firing || status == Status::nodata; }
  bool operator==(InstanceState const&) const = default;
};

using RuleState = std::map<std::string, InstanceState>;  // by the series' name

// One change of an instance that must survive a restart. It is a notice if people are to hear of
// it: FIRING (a new level too), NODATA, RESOLVED.
struct Transition {
  std::string rule;
  std::string instance;
  Tick tick{};
  Status from = Status::ok;
  Level from_level = Level::none;
  InstanceState state;  // after it
  Reason reason = Reason::none;
  bool notice = false;
  std::string condition;            // "> 90 for 3m, clear < 75"; empty for NODATA out of OK
  std::string expr;                 // the rule's target
  std::vector<std::string> notify;  // the rule's receivers

  bool operator==(Transition const&) const = default;
};

}  // namespace dadvisor::aggregator::alert
