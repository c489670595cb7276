#pragma once
// Targets of targets.hpp: what the agent reads of the network and of its own.

#include <string_view>

namespace dadvisor::fuzz {

void take_links(std::string_view bytes);  // rtnetlink's answers
void take_spool(std::string_view bytes);  // the segments of a spool

}  // namespace dadvisor::fuzz
