#pragma once
// An event as people and deploy scripts post it to /events: graphite-web's body.
//
//   {"what": "deploy 1.4", "tags": ["deploy", "app:/shop/cart"], "when": 1700000000, "data": ""}
//
// Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::graphite {

struct PostedEvent {
  std::string what;                     // never empty
  std::string data;                     // empty when it was not given
  std::vector<std::string> tags;        // without blanks; each once
  std::optional<std::int64_t> when_ns;  // since 1970; absent: now
};

// tags: an array of texts, or one text; parted at blanks. what and data may be numbers, which are
// kept as they print. when: unix seconds, also with a fraction. Errc::malformed, one line: no JSON,
// no object, without what, of another type, or longer than what is kept; graphite-web fails by 500
// at most of these.
Result<PostedEvent> parse_posted_event(std::string_view body);

}  // namespace dadvisor::graphite
