#pragma once
// One blocking HTTP POST, for webhooks and remote write. No redirects (a 3xx is the reply), http
// and https only, and no more of the reply is kept than is worth a look. Not thread-safe; a thread
// of its own owns a client; connections are kept between posts.

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "common/core/result.hpp"
#include "common/curl/handle.hpp"

namespace dadvisor::curl {

struct Post {
  std::string url;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // further ones
  std::string ca_file;                                       // PEM; empty: the system's
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds timeout{10000};  // of the whole exchange
};

struct PostReply {
  long status = 0;
  std::string body;        // at most reply_limit bytes
  bool truncated = false;  // there was more; the connection was ended there
  std::optional<std::chrono::seconds> retry_after;  // the header of that name
};

class HttpPoster {
 public:
  static constexpr std::size_t reply_limit = 64 * 1024;
  explicit HttpPoster(std::string user_agent) : user_agent_(std::move(user_agent)) {}
  // Errors: malformed (URL, or a header with CR, LF or NUL), timeout, unavailable.
  Result<PostReply> post(Post const& post, std::stop_token const& stop = {});
  // Of the last post: whether all of its body had left, so that it may have been taken though no
  // reply came.
  bool all_sent() const { return all_sent_; }

 private:
  std::string user_agent_;
  Handle handle_;
  bool all_sent_ = false;
};

}  // namespace dadvisor::curl
