#pragma once
// All that the sender sees of the world: a way to post, and to be called later. A seam, so that
// its logic is tested without sockets and without waiting.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/clock.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

struct PostReply {
  unsigned status = 0;
  std::string body;
  std::optional<Nanoseconds> retry_after;
};

// All on one thread. Callbacks never come from within the call that asked for them, and none comes
// after the transport has gone.
class Transport {
 public:
  virtual ~Transport() = default;
  // Calls back once: with any status, or with why there was no answer.
  virtual void post(std::string_view path, std::string_view content_type, std::string body,
                    std::function<void(Result<PostReply>)> callback) = 0;
  // A later call replaces an earlier one that has not come yet.
  virtual void call_after(Nanoseconds delay, std::function<void()> function) = 0;
};

}  // namespace dadvisor::agent
