#pragma once
// The labels and environment variables that dAdvisor may look at. Environments hold secrets: the
// code that reads the runtime's answer keeps these keys and forgets the rest on the spot.

#include <string_view>

namespace dadvisor::agent {

bool is_wanted_label(std::string_view key);
bool is_wanted_env(std::string_view key);

}  // namespace dadvisor::agent
