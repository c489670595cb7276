#pragma once
// relay-rules.conf of carbon-relay (carbon/relayrules.py, RELAY_METHOD = rules): which of several
// carbons get a path. Sections in order: "pattern" is searched for, whatever its letters' case;
// "destinations" says where what it fits goes; "continue = true" has the later ones looked at too.
// The one section with "default = true" is for what none has stopped at. Immutable; any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

struct RelayRule {
  std::optional<Regex> pattern;           // none: the default, which is the last
  std::vector<std::string> destinations;  // HOST:PORT or HOST:PORT:INSTANCE
  bool go_on = false;
};
using RelayRules = std::vector<RelayRule>;

// Whether `path` goes to that destination.
bool relayed(RelayRules const& rules, std::string_view path, std::string_view destination);

struct LoadedRelayRules {
  RelayRules rules;                 // none: there is no such file, or nothing in it
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do"
};
LoadedRelayRules parse_relay_rules(std::string_view text, std::string const& file);

}  // namespace dadvisor::graphite
