#pragma once
// Something that happened at one moment: a deploy, an exit, a host that joined. As Graphite's
// events: shown by events(), drawn as marks, listed by /events.

#include <cstdint>
#include <string>
#include <vector>

namespace dadvisor::graphite {

struct Event {
  std::uint64_t id = 0;           // rises with every event
  std::int64_t when = 0;          // unix seconds
  std::string what;               // one line for a person
  std::string data;               // further text, often empty
  std::vector<std::string> tags;  // without spaces, as Graphite splits them there
  bool operator==(Event const&) const = default;
};

}  // namespace dadvisor::graphite
