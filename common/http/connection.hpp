#pragma once
// One client of a Server. Lives in its server's set until it is closed; all on the loop's thread.

#include <chrono>
#include <memory>
#include <string>

#include "common/http/server.hpp"

namespace dadvisor::http {

class Connection {
 public:
  // `fd`: connected and non-blocking, from now on the connection's. Null: Asio cannot take it.
  static std::shared_ptr<Connection> make(std::shared_ptr<Server::State> server, int fd,
                                          std::string peer);
  virtual ~Connection() = default;

  virtual void start() = 0;
  // One of these for each request that the handler got; nothing when the client has gone.
  virtual void answer(Response response) = 0;
  virtual void begin_stream(Response const& head, std::weak_ptr<ResponseStream::State> stream) = 0;
  // Of the stream, which must be idle.
  virtual void send_piece(std::string piece) = 0;
  virtual void close() = 0;
  // Closes, and counts it, when what it is doing should have ended by now.
  virtual void close_if_late(std::chrono::steady_clock::time_point now) = 0;
  virtual void close_when_idle() = 0;
};

}  // namespace dadvisor::http
