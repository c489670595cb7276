#pragma once
// Targets of targets.hpp: what the agent reads.

#include <string_view>

namespace dadvisor::fuzz {

void take_links(std::string_view bytes);  // rtnetlink's answers

}  // namespace dadvisor::fuzz
