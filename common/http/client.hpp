#pragma once
// An HTTP/1.1 client of one origin (TCP, by TLS or not, or unix socket) on a Loop: asynchronous,
// connections kept and reused, every exchange bounded in time and bytes, so that a peer that hangs
// or answers a gigabyte is harmless. No redirects, no proxies. Owned by the loop's thread, on which
// all callbacks come, never from within the call that asked for them; none comes after the Client
// or the Stream has gone.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/http/loop.hpp"
#include "common/http/message.hpp"
#include "common/http/tls.hpp"
#include "common/http/url.hpp"

namespace dadvisor::http {

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Fields headers;  // Host and Content-Length are made here
  std::string body;
  // For the whole exchange, from connecting to the reply's last byte; of a stream: to the end of
  // its headers.
  std::chrono::milliseconds timeout{10'000};
  std::size_t max_reply = 4 << 20;  // bytes of body; not for streams
};

struct ClientOptions {
  std::size_t max_connections = 4;  // at once; further requests wait in order, within their timeout
  std::chrono::milliseconds idle_timeout{30'000};  // a kept connection is dropped after
  // For an origin by TLS, which nobody is asked at without: a client's.
  std::shared_ptr<TlsCredentials> tls;
};

// Any status is a Response. Errors: unavailable (not there, refused, hung up before an answer),
// gone (hung up within it), timeout, too_large, malformed, denied (a socket one may not open; by
// TLS: one side does not trust the other's certificate, with the remedy).
// A GET or HEAD whose kept connection turns out dead is sent once more on a fresh one; a POST is
// not, since it may have arrived.
using ResponseCallback = std::function<void(Result<Response>)>;

struct StreamCallbacks {
  std::function<void(Response const&)> on_headers;  // status and headers, body empty
  std::function<void(std::string_view)> on_data;    // bytes as they come; bounds mean nothing
  std::function<void(Result<void>)> on_end;         // once, last: the end, or why it broke
};

// An endless reply being read; destroying it closes the connection.
class Stream {
 public:
  struct State;
  explicit Stream(std::shared_ptr<State> state);
  ~Stream();
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;

 private:
  std::shared_ptr<State> state_;
};

class Client {
 public:
  Client(Loop& loop, Origin origin, ClientOptions options = ClientOptions());
  ~Client();
  Client(Client const&) = delete;
  Client& operator=(Client const&) = delete;

  void request(ClientRequest request, ResponseCallback callback);
  // Over a connection of its own, so that it never holds up requests.
  [[nodiscard]] std::unique_ptr<Stream> stream(ClientRequest request, StreamCallbacks callbacks);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace dadvisor::http
