#pragma once
// The Docker API's JSON as our structs (Docker Engine API 1.12 to 1.5x; figures.md 4). What is
// not a document of the expected kind is Errc::malformed; a field that a daemon does not tell
// keeps its default. Pure.

#include <boost/json/stream_parser.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/container.hpp"
#include "agent/runtime/wanted_keys.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

// GET /containers/ID/json. Values are cut at 4 KiB.
Result<Container> parse_inspect(std::string_view json, WantedKeys const& wanted);
// GET /containers/json: the ids.
Result<std::vector<std::string>> parse_list(std::string_view json);
// GET /version: ApiVersion.
Result<std::string> parse_api_version(std::string_view json);

// ns since 1970 of an RFC 3339 time; 0 for Go's zero time ("0001-01-01T00:00:00Z") and for what
// is no time.
std::int64_t parse_rfc3339(std::string_view text);

// The lesser of two API versions "MAJOR.MINOR"; `ours` when `theirs` is none.
std::string lesser_version(std::string_view theirs, std::string_view ours);

struct DockerEvent {
  std::string action;  // "start", "die", ...; without what follows a colon
  std::string id;
  std::int64_t time_nano = 0;                  // the daemon's clock; 0 where it does not tell
  std::optional<std::int64_t> exit_code = {};  // of a die, where the daemon tells
  auto operator<=>(DockerEvent const&) const = default;
};

// The stream of GET /events: JSON objects one after another, cut anywhere into pieces.
class EventReader {
 public:
  EventReader();
  // Takes a piece; calls `on_event` for each whole event about a container. After malformed or
  // too_large (1 MiB in one event) the stream is of no use any more.
  Result<void> feed(std::string_view bytes,
                    std::function<void(DockerEvent const&)> const& on_event);
  // Forgets a piece of an event: another stream begins.
  void reset();

 private:
  boost::json::stream_parser parser_;
  std::size_t bytes_ = 0;  // of the object being read
};

}  // namespace dadvisor::agent
