#pragma once
// containerd's messages as a test writes them, by its .proto files.

#include <cstdint>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <vector>

namespace dadvisor::test {

inline std::string time_message(std::int64_t ns) {
  std::string bytes;
  protozero::pbf_writer message(bytes);
  message.add_int64(1, ns / 1'000'000'000);
  message.add_int32(2, static_cast<std::int32_t>(ns % 1'000'000'000));
  return bytes;
}

inline std::string any(std::string const& type, std::string const& value) {
  std::string bytes;
  protozero::pbf_writer message(bytes);
  message.add_string(1, type);
  message.add_bytes(2, value);
  return bytes;
}

// Container of containers.proto.
struct EncodedContainer {
  std::string id;
  std::map<std::string, std::string> labels = {};
  std::string image = {};
  std::string spec = {};

  std::string bytes() const {
    std::string encoded;
    protozero::pbf_writer message(encoded);
    message.add_string(1, id);
    for (auto const& [key, value] : labels) {
      std::string entry;
      protozero::pbf_writer pair(entry);
      pair.add_string(1, key);
      pair.add_string(2, value);
      message.add_message(2, entry);
    }
    if (!image.empty()) message.add_string(3, image);
    message.add_message(4, any("io.containerd.runc.v2", ""));
    if (!spec.empty())
      message.add_message(5, any("types.containerd.io/opencontainers/runtime-spec/1/Spec", spec));
    message.add_string(6, "overlayfs");
    message.add_message(8, time_message(1));
    return encoded;
  }
};

// Process of task.proto.
inline std::string task_message(std::string const& id, std::uint32_t pid, int status,
                                std::uint32_t exit_status = 0, std::int64_t exited_ns = 0) {
  std::string bytes;
  protozero::pbf_writer message(bytes);
  message.add_string(1, id);
  message.add_string(2, id);
  message.add_uint32(3, pid);
  message.add_enum(4, status);
  message.add_string(5, "/run/fifo");
  if (exit_status > 0) message.add_uint32(9, exit_status);
  message.add_message(10, time_message(exited_ns));
  return bytes;
}

// A message whose field 1 are these.
inline std::string list_message(std::vector<std::string> const& entries) {
  std::string bytes;
  protozero::pbf_writer message(bytes);
  for (auto const& one : entries) message.add_message(1, one);
  return bytes;
}

inline std::string name_message(std::string const& name) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_string(1, name);
  return bytes;
}

// Envelope of event.proto.
inline std::string envelope(std::string const& name_space, std::string const& topic,
                            std::int64_t ns, std::string const& event) {
  std::string bytes;
  protozero::pbf_writer message(bytes);
  message.add_message(1, time_message(ns));
  message.add_string(2, name_space);
  message.add_string(3, topic);
  message.add_message(4, any("containerd.events.Any", event));
  return bytes;
}

inline std::string start_event(std::string const& id, std::uint32_t pid) {
  std::string bytes = name_message(id);
  protozero::pbf_writer(bytes).add_uint32(2, pid);
  return bytes;
}

// TaskExit; `process`: the exec's id, or the container's.
inline std::string exit_event(std::string const& id, std::string const& process, std::uint32_t pid,
                              std::uint32_t status, std::int64_t ns) {
  std::string bytes = name_message(id);
  protozero::pbf_writer message(bytes);
  message.add_string(2, process);
  message.add_uint32(3, pid);
  if (status > 0) message.add_uint32(4, status);
  message.add_message(5, time_message(ns));
  return bytes;
}

// TaskDelete.
inline std::string delete_event(std::string const& id, std::uint32_t pid, std::uint32_t status,
                                std::int64_t ns, std::string const& process = {}) {
  std::string bytes = name_message(id);
  protozero::pbf_writer message(bytes);
  message.add_uint32(2, pid);
  if (status > 0) message.add_uint32(3, status);
  message.add_message(4, time_message(ns));
  if (!process.empty()) message.add_string(5, process);
  return bytes;
}

}  // namespace dadvisor::test
