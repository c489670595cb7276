#pragma once
// The labels under which a container's figures and events go out. Pure; any thread.

#include <string>

#include "agent/identity/identity.hpp"
#include "agent/runtime/runtime_event.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

// Sorted by key; values cut at 512 bytes, empty ones left out.
Labels container_labels(Container const& container, Identity const& identity,
                        std::string const& runtime, std::string const& cluster,
                        std::string const& host);

// What the runtime told, as it travels: under the same entity as the life's rows.
ContainerEvent container_event(RuntimeEvent const& event, std::string const& cluster,
                               std::string const& host);

}  // namespace dadvisor::agent
