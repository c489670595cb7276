#pragma once
// Targets of targets.hpp: what others send in Graphite's forms.

#include <string_view>

namespace dadvisor::fuzz {

void take_line(std::string_view bytes);     // lines of plaintext
void take_pickle(std::string_view bytes);   // a pickle without its length
void take_whisper(std::string_view bytes);  // a file of an import

}  // namespace dadvisor::fuzz
