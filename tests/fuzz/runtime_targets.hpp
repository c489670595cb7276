#pragma once
// Targets of targets.hpp: what container runtimes, and the resolver, answer the agent.

#include <string_view>

namespace dadvisor::fuzz {

void take_docker_json(std::string_view bytes);
void take_event_stream(std::string_view bytes);  // u8 how it is cut, the stream
void take_containerd(std::string_view bytes);    // a protobuf message, or a runtime specification
void take_grpc(std::string_view bytes);          // u8 how it is cut, frames
void take_mesos_json(std::string_view bytes);
void take_documents(std::string_view bytes);  // u8 how they are cut, the resolver's lines

}  // namespace dadvisor::fuzz
