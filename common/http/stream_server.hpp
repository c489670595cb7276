#pragma once
// Servers on a Loop for protocols that are not HTTP: bytes come in, nothing goes out. Bounded like
// the HTTP server: in connections, in bytes that wait for the rest of a message, and in the time
// that the rest may take.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/http/loop.hpp"

namespace dadvisor::http {

// What reads one connection. On the loop's thread.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  // Takes whole messages off the front of `bytes` and returns how many bytes they have; the rest
  // comes again with what follows. Nothing: the connection is to be closed.
  virtual std::optional<std::size_t> take(std::string_view bytes) = 0;
  // The peer has closed or was cut, with so many bytes of a message that is not whole.
  virtual void closed(std::size_t left) = 0;
};
using MakeStreamReader = std::function<std::unique_ptr<StreamReader>(std::string const& peer)>;

struct StreamOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::size_t max_connections = 4096;
  // Bytes that may wait for the rest of their message; the reader is cut beyond.
  std::size_t most_waiting = 1 << 16;
  std::chrono::milliseconds rest_timeout{10'000};  // for the rest of a message
  std::chrono::milliseconds idle_timeout{600'000};
  // Asked before each read, on the loop's thread; false: nothing more is read of this connection
  // before it is true, which is looked at some times in a second. So a sender that is faster than
  // whoever works on what it sends waits for it, and is not cut for that.
  std::function<bool()> may_read;
};

struct StreamCounts {
  std::uint64_t connections = 0;  // accepted so far
  std::uint64_t open = 0;         // now
  std::uint64_t rejected = 0;     // over max_connections
  std::uint64_t timeouts = 0;     // cut since nothing came, or not the rest
  std::uint64_t refused = 0;      // cut since the reader said so, or a message was too long
  std::uint64_t pauses = 0;       // of a connection, for may_read
  std::uint64_t bytes = 0;
};

// Owned by the loop's thread.
class StreamServer {
 public:
  // Errors as Server::listen.
  static Result<std::unique_ptr<StreamServer>> listen(Loop& loop, StreamOptions options,
                                                      MakeStreamReader make);
  ~StreamServer();  // closes all connections; their readers are told
  std::uint16_t port() const;
  StreamCounts counts() const;

 private:
  struct State;
  explicit StreamServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// Datagrams, each on its own. Owned by the loop's thread.
class DatagramServer {
 public:
  using Handler = std::function<void(std::string_view datagram)>;
  static Result<std::unique_ptr<DatagramServer>> listen(Loop& loop, std::string const& host,
                                                        std::uint16_t port, Handler handler);
  ~DatagramServer();
  std::uint16_t port() const;

 private:
  struct State;
  explicit DatagramServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace dadvisor::http
