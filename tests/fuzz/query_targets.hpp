#pragma once
// Targets of targets.hpp: what those who ask write.

#include <string_view>

namespace dadvisor::fuzz {

void take_target(std::string_view bytes);        // a target of /render, evaluated
void take_time(std::string_view bytes);          // a time, and a tz behind a line feed
void take_glob(std::string_view bytes);          // a pattern, and paths behind line feeds
void take_picture(std::string_view bytes);       // parameters of a picture, "name=value" lines
void take_posted_event(std::string_view bytes);  // a body of POST /events
void take_carbonapi(std::string_view bytes);     // a body of carbonapi's protocol

}  // namespace dadvisor::fuzz
