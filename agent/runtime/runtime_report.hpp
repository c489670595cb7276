#pragma once
// How the watchers of this host's runtimes are. A plain struct like Container.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/runtime/runtime_counters.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

struct RuntimeReport {
  struct Watch {
    bool asked = false;            // false: the settings name no socket of it
    bool up = false;               // it answers and the picture is whole
    std::optional<Error> trouble;  // of the last attempt; nullopt once it answers
    RuntimeCounters counters;
  };
  Watch docker, containerd;
  std::vector<std::string> namespaces;  // containerd's that are not Docker's, sorted
  // Exits and kills that found no place between the watchers and whoever takes them, since start.
  std::uint64_t dropped = 0;
};

}  // namespace dadvisor::agent
