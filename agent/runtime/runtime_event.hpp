#pragma once
// What befell a container, as its runtime told: an exit or an out-of-memory kill. A plain struct
// like Container, for whoever makes rows and events of it.

#include <cstdint>
#include <optional>
#include <string>

#include "agent/runtime/container.hpp"

namespace dadvisor::agent {

struct RuntimeEvent {
  enum class Kind { exit, oom };
  Kind kind = Kind::exit;
  Container container;                    // the life: id and started_ns
  std::int64_t time_ns = 0;               // the daemon's clock; 0 where it was not told
  std::optional<std::int64_t> exit_code;  // of an exit, where it was told
  bool oom_killed = false;                // of an exit
  bool operator==(RuntimeEvent const&) const = default;
};

}  // namespace dadvisor::agent
