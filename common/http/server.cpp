#include "common/http/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "common/http/server_state.hpp"

namespace dadvisor::http {

using boost::system::error_code;

Server::State::State(Loop& loop, ServerOptions its_options, Handler its_handler, Log its_log,
                     Listener its_listener)
    : loop_state(loop.state()),
      io(*loop.state()->io),
      options(std::move(its_options)),
      handler(std::move(its_handler)),
      log(std::move(its_log)),
      family(its_listener.family),
      port(its_listener.port),
      listening(io, its_listener.fd.release()),
      pause(io),
      sweep(io) {
  auto const shortest = std::min(std::min(options.header_timeout, options.body_timeout),
                                 std::min(options.idle_timeout, options.write_timeout));
  sweep_pace =
      std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(1000));
}

void Server::State::accept_next(std::shared_ptr<State> const& self) {
  if (stopped) return;
  listening.async_wait(asio::posix::stream_descriptor::wait_read, [self](error_code ec) {
    if (!ec && !self->stopped) self->accept_all(self);
  });
}

void Server::State::accept_all(std::shared_ptr<State> const& self) {
  for (;;) {
    int const fd =
        ::accept4(listening.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      int const failure = errno;
      if (failure == EINTR || failure == ECONNABORTED) continue;
      if (failure == EAGAIN) return accept_next(self);
      if (!accept_failure_logged) {
        log.warning("{}; new connections wait", to_string(os_error(failure, "accept")));
        accept_failure_logged = true;
      }
      pause.expires_after(std::chrono::milliseconds(200));
      return pause.async_wait([self](error_code ec) {
        if (!ec && !self->stopped) self->accept_all(self);
      });
    }
    if (connections.size() >= options.max_connections) {
      ++counts.rejected;
      ::close(fd);
      continue;
    }
    if (family == AF_UNIX && options.admits) {
      auto const uid = peer_uid(fd);
      if (!uid || !options.admits(*uid)) {
        ++counts.denied;
        ::close(fd);
        continue;
      }
    }
    if (family != AF_UNIX) {
      int const on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    auto const connection = Connection::make(self, fd, peer_name(fd));
    if (!connection) continue;
    ++counts.connections;
    connections.insert(connection);
    connection->start();
    if (!sweeping) sweep_later(self);
  }
}

void Server::State::sweep_later(std::shared_ptr<State> const& self) {
  sweeping = true;
  sweep.expires_after(sweep_pace);
  sweep.async_wait([self](error_code ec) {
    self->sweeping = false;
    if (ec) return;
    self->sweep_now();
    if (!self->connections.empty()) self->sweep_later(self);
  });
}

void Server::State::sweep_now() {
  auto const now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<Connection>> const all(connections.begin(), connections.end());
  for (auto const& connection : all) connection->close_if_late(now);  // takes itself out
}

void Server::State::log_tls_failure(std::string const& peer, std::string const& failure) {
  auto const now = std::chrono::steady_clock::now();
  if (tls_failure_logged && now - *tls_failure_logged < std::chrono::minutes(1)) return;
  tls_failure_logged = now;
  log.warning("{}: {}", peer, failure);
}

void Server::State::stop_listening() {
  stopped = true;
  error_code ignored;
  listening.close(ignored);
  pause.cancel();
  if (!options.socket_path.empty()) ::unlink(options.socket_path.c_str());
  options.socket_path.clear();
}

Result<std::unique_ptr<Server>> Server::listen(Loop& loop, ServerOptions options, Handler handler,
                                               Log log) {
  auto listener = options.listening >= 0 ? take_listener(options.listening)
                  : options.socket_path.empty()
                      ? listen_tcp(options.host, options.port)
                      : listen_unix(options.socket_path, options.socket_mode);
  if (!listener) return listener.error();
  if (options.listening >= 0) options.socket_path.clear();
  auto state = std::make_shared<State>(loop, std::move(options), std::move(handler), std::move(log),
                                       std::move(*listener));
  state->accept_next(state);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->stop_listening();
  auto const connections = state_->connections;  // close() takes itself out of the set
  for (auto const& connection : connections) connection->close();
  state_->sweep.cancel();
  state_->handler = nullptr;
}

std::uint16_t Server::port() const { return state_->port; }

ServerCounts Server::counts() const {
  auto counts = state_->counts;
  counts.open = state_->connections.size();
  if (state_->options.tls) {
    auto const tls = state_->options.tls->counts();
    counts.tls_reloads = tls.reloads;
    counts.tls_refused_reloads = tls.refused_reloads;
    counts.tls_expires = tls.expires;
  }
  return counts;
}

void Server::stop() {
  state_->stop_listening();
  auto const connections = state_->connections;
  for (auto const& connection : connections) connection->close_when_idle();
}

}  // namespace dadvisor::http
