#pragma once
// A gRPC client of one unix socket on a Loop: HTTP/2 with prior knowledge by nghttp2, messages in
// frames of their own in it (gRPC over HTTP2, PROTOCOL-HTTP2.md of grpc/grpc). It takes and gives
// encoded messages and knows nothing of what they hold. Every call is bounded in time and bytes, so
// that a peer that hangs or answers a gigabyte is harmless. One connection, opened by the first
// call and not again once it broke: what was under way ends with the reason then, and so does every
// further call. Owned by the loop's thread, on which all callbacks come, never from within the call
// that asked for them; none comes after the Client has gone.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/result.hpp"
#include "common/http/loop.hpp"

namespace dadvisor::grpc {

struct Call {
  std::string method;   // "/containerd.services.tasks.v1.Tasks/List"
  std::string message;  // the request, encoded
  std::vector<std::pair<std::string, std::string>> metadata;  // names in lower case
  std::chrono::milliseconds timeout{10'000};  // to the end of the answer; 0: as long as it takes
  std::size_t max_message = 4 << 20;          // bytes of one message of the answer
};

struct Callbacks {
  std::function<void(std::string_view)> on_message;  // each message of the answer, encoded
  // Once, last. Errors: unavailable (nobody there, or hung up before the answer's end), denied,
  // timeout, too_large, malformed (no HTTP/2, no gRPC), and the call's own failures as its status
  // says: not_found, unsupported, denied, timeout, unavailable, else io.
  std::function<void(Result<void>)> on_end;
};

class Client {
 public:
  // Nothing is opened yet. `loop` must outlive it.
  Client(http::Loop& loop, std::string socket_path);
  ~Client();
  Client(Client const&) = delete;
  Client& operator=(Client const&) = delete;

  void call(Call call, Callbacks callbacks);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace dadvisor::grpc
