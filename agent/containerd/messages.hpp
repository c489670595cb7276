#pragma once
// containerd's protobuf messages as our structs, and the few requests that are made of it (its
// api/services/{containers,tasks,events,namespaces}/v1 and api/events, since 1.0). What is no such
// message is Errc::malformed; fields that are not known here are passed over. Pure; any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/container.hpp"
#include "agent/runtime/wanted_keys.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent::containerd {

// What may be a namespace or a container's id: letters and digits with . _ - between, 76 bytes
// (pkg/identifiers).
bool is_identifier(std::string_view text);

// Ours of a container: what a machine made (64 hex digits) is unique as it is, anything else is
// within its namespace only: "default/web".
std::string unique_id(std::string_view name_space, std::string_view id);

// A message whose field 1 is containers, each handed to `take` with its own id:
// GetContainerResponse, ListContainersResponse and ListContainerMessage alike. Only what the wanted
// keys allow is kept of labels, annotations and environment. State, pid and times are the task's,
// and left out.
Result<void> parse_containers(std::string_view message, std::string_view name_space,
                              WantedKeys const& wanted,
                              std::function<void(std::string const& id, Container)> const& take);

struct Task {
  enum class Status { unknown, created, running, stopped, paused, pausing };
  std::string id;  // of its container
  std::int64_t pid = 0;
  Status status = Status::unknown;
  std::int64_t exit_code = 0;  // of a stopped one
  std::int64_t exited_ns = 0;  // wall clock
};
Result<std::vector<Task>> parse_tasks(std::string_view message);

Result<std::vector<std::string>> parse_namespaces(std::string_view message);

struct Event {
  std::string name_space;
  std::string topic;  // "/tasks/exit"
  std::int64_t time_ns = 0;
  std::string id;    // of the container; of /namespaces/*: the namespace
  std::string exec;  // of another process than the container's first; empty: of that
  std::int64_t pid = 0;
  std::optional<std::int64_t> exit_code;
  std::int64_t exited_ns = 0;
};
// An Envelope of the stream of Subscribe. Of other topics than /tasks/*, /containers/* and
// /namespaces/* nothing but the topic is read.
Result<Event> parse_event(std::string_view message);

std::string get_request(std::string_view id);
// Events of the namespaces that are not Docker's own.
std::string subscribe_request();

}  // namespace dadvisor::agent::containerd
