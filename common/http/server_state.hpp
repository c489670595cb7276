#pragma once
// What is inside a Server, shared by the files that make it: server.cpp accepts, connection.cpp
// serves one client, responder.cpp hands answers over. Includes Asio: only for these.

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <unordered_set>

#include "common/http/connection.hpp"
#include "common/http/listener.hpp"
#include "common/http/loop_state.hpp"
#include "common/http/server.hpp"

namespace dadvisor::http {

struct Server::State {
  State(Loop& loop, ServerOptions its_options, Handler its_handler, Log its_log,
        Listener its_listener);

  void accept_next(std::shared_ptr<State> const& self);
  void accept_all(std::shared_ptr<State> const& self);
  void stop_listening();
  // Looks for connections that are past their time, as long as there is one. A timer of each would
  // cost more than all else of a small request.
  void sweep_later(std::shared_ptr<State> const& self);
  void sweep_now();
  void log_tls_failure(std::string const& peer, std::string const& failure);

  std::shared_ptr<Loop::State> loop_state;
  asio::io_context& io;
  ServerOptions options;
  Handler handler;
  Log log;
  int family;
  std::uint16_t port;
  asio::posix::stream_descriptor listening;
  asio::steady_timer pause;  // while the process has no descriptor left for another connection
  asio::steady_timer sweep;
  std::chrono::milliseconds sweep_pace;
  bool sweeping = false;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  ServerCounts counts;
  bool stopped = false;
  bool accept_failure_logged = false;
  std::optional<std::chrono::steady_clock::time_point> tls_failure_logged;
};

struct Responder::State {
  ~State();
  std::shared_ptr<Loop::State> loop_state;
  std::weak_ptr<Connection> connection;
  std::atomic<bool> answered{false};
  std::atomic<bool> abandoned{false};
  bool watched = true;                                             // of the loop's thread
  std::optional<std::string> (*gzip)(std::string_view) = nullptr;  // null: not for this one
};

struct ResponseStream::State {
  ~State();
  std::shared_ptr<Loop::State> loop_state;
  std::weak_ptr<Connection> connection;
  StreamNotices notices;
  bool open = true;
  bool idle = false;
};

}  // namespace dadvisor::http
