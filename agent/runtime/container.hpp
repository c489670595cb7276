#pragma once
// What dAdvisor knows of one container from its runtime: a plain struct, so that whoever asks the
// runtime can live in another process. Labels and env hold only allow-listed keys: env can carry
// secrets, and the rest never leaves the code that reads the Docker API.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::agent {

struct Container {
  std::string id;        // 64 hex digits; of another runtime possibly a name: "default/web"
  std::string name;      // without the leading slash
  std::string image;     // as configured: "repository:tag"
  std::int64_t pid = 0;  // of its first process on the host; 0 when not running
  bool running = false;
  bool paused = false;
  std::int64_t started_ns = 0;                // State.StartedAt, wall clock; 0 when never started
  std::optional<std::int64_t> restart_count;  // the runtime's, by its restart policy
  // Of a life that ended; nothing while it runs.
  std::int64_t finished_ns = 0;
  std::optional<std::int64_t> exit_code;
  bool oom_killed = false;
  std::string error;         // the runtime's own words on why it could not run
  std::string network_mode;  // "bridge", "host", "none", "container:ID", a network's name
  // Directories on the host: of what it wrote into its image's files (empty where the storage
  // driver has none), and of its volumes; not of what else of the host is mounted into it.
  std::string layer;
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> env;
  std::string runtime = "docker";  // who told of it: "docker", "containerd", "mesos"
  // Its cgroup's path as the runtime was told; where that is nested, the end of the whole one.
  // Empty: it is found by the id in it.
  std::string cgroup;
  // Who told knows what it is called and no more: that it lives, its end and the rest are its
  // cgroup's word.
  bool names_only = false;
  bool operator==(Container const&) const = default;
};

// 1 to 64 hex digits, which a machine made: all that may become part of a request's path.
inline bool is_container_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace dadvisor::agent
