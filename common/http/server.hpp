#pragma once
// An HTTP/1.1 server on a Loop: keep-alive, one request at a time per connection, every stage
// bounded in bytes and time, in the clear or by TLS 1.3, so that a peer that is slow, silent or
// wrong costs one closed connection (reliability.md 2.3, cases 32, 40, 41).

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/log.hpp"
#include "common/core/result.hpp"
#include "common/http/gzip.hpp"
#include "common/http/loop.hpp"
#include "common/http/message.hpp"
#include "common/http/tls.hpp"

namespace dadvisor::http {

// An answer without an end of its own, sent piece by piece (chunked): for pages that are followed.
// Owned by the loop's thread. One piece at a time is on its way, so a client costs no more memory
// than that, however slowly it reads; one that takes nothing for write_timeout is cut and counted.
// Destroying the last copy ends the answer; the connection is not used again.
class ResponseStream {
 public:
  struct State;
  explicit ResponseStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  // Whether a piece can be sent now. False also when the client has gone.
  bool idle() const;
  bool open() const;  // false once the client has gone or was cut
  // Sends a piece, which must not be empty, while idle(); else nothing happens.
  void send(std::string piece);

 private:
  std::shared_ptr<State> state_;
};

// Both are called on the loop's thread, never from within a call of ResponseStream.
struct StreamNotices {
  std::function<void()> on_idle;    // another piece can be sent; also once at the beginning
  std::function<void()> on_closed;  // once, last
};

// The one answer to one request. May be kept, copied, and called later from any thread. The first
// call counts, others do nothing; when the last copy goes without a call the client gets a 500.
class Responder {
 public:
  struct State;
  explicit Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}
  // Compresses where the client takes gzip (on the calling thread) and hands over to the loop.
  void operator()(Response response) const;
  // Answers by a stream under `head`'s status and headers; its body is not looked at. On the loop's
  // thread only; nothing when it was answered already: the stream is closed then.
  ResponseStream stream(Response head, StreamNotices notices) const;
  // True once the client has hung up: work for it can stop. Any thread.
  bool abandoned() const;
  // On the loop's thread, before the handler returns: the answer will not ask for that, so that
  // nobody looks whether the client hangs up, which costs a system call a request.
  void unwatched() const;

 private:
  std::shared_ptr<State> state_;
};

// Called on the loop's thread; long work belongs on another. What it throws is logged and
// answered by 500.
using Handler = std::function<void(Request, Responder)>;

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address, or a name that is resolved once
  std::uint16_t port = 0;          // 0: any free one, see Server::port()
  std::string socket_path;         // not empty: a unix socket instead
  unsigned socket_mode = 0660;
  // Not negative: this socket instead, which listens already (socket activation). It becomes the
  // server's; its file stays when the server goes.
  int listening = -1;
  // Of a unix socket: whether processes of that user are served (unix(7), SO_PEERCRED: who they
  // were when they connected); others are hung up on. Not set: all that may open it.
  std::function<bool(std::uint32_t uid)> admits;
  std::size_t header_limit = 16 << 10;   // 431 beyond
  std::size_t body_limit = 4 << 20;      // 413 beyond, by Content-Length before any byte is read
  std::size_t max_connections = 16'384;  // more are closed at once
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte to the last
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds idle_timeout{60'000};   // between two requests
  std::chrono::milliseconds write_timeout{30'000};  // without progress; in all 1 s more per 64 KiB
  std::shared_ptr<TlsCredentials> tls;              // a server's; null: in the clear
  // What compresses bodies over 1 KiB of text and JSON where the client takes gzip, on whichever
  // thread answers; nullopt: it stays as it is. Null: none is compressed.
  std::optional<std::string> (*gzip)(std::string_view) = http::gzip;
};

struct ServerCounts {
  std::uint64_t connections = 0;          // accepted so far
  std::uint64_t open = 0;                 // now
  std::uint64_t requests = 0;             // whole ones, handed to the handler
  std::uint64_t refused = 0;              // malformed or too large: answered by 4xx and closed
  std::uint64_t timeouts = 0;             // closed since too slow in sending or reading
  std::uint64_t rejected = 0;             // over max_connections
  std::uint64_t denied = 0;               // of users that ServerOptions::admits did not want
  std::uint64_t tls_failures = 0;         // connections that ended before TLS was established
  std::uint64_t tls_reloads = 0;          // as TlsCounts
  std::uint64_t tls_refused_reloads = 0;  // as TlsCounts
  std::optional<WallTime> tls_expires;    // as TlsCounts
  std::uint64_t streams = 0;              // answers by a ResponseStream so far
  std::uint64_t cut_streams = 0;  // of them, those whose client took nothing for write_timeout
};

// Owned by the loop's thread.
class Server {
 public:
  // Binds and listens; an error's context names the address and what to do. A unix socket's file
  // that nobody listens on any more is replaced.
  static Result<std::unique_ptr<Server>> listen(Loop& loop, ServerOptions options, Handler handler,
                                                Log log);
  ~Server();  // closes every connection at once
  Server(Server const&) = delete;
  Server& operator=(Server const&) = delete;

  std::uint16_t port() const;
  ServerCounts counts() const;
  // Listens no more, closes idle connections, closes the others after their answer.
  void stop();

  struct State;

 private:
  explicit Server(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace dadvisor::http
