#include "common/http/stream_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "common/http/listener.hpp"
#include "common/http/loop_state.hpp"

namespace dadvisor::http {
namespace {

using boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t read_bytes = 1 << 16;  // what is read is in the cache when it is taken
constexpr std::size_t reads_at_once = 8;     // of one connection, before others have their turn
constexpr std::size_t most_datagram = 1 << 16;
constexpr std::size_t datagrams_at_once = 256;
constexpr auto look_every = std::chrono::seconds(1);
constexpr auto pause = std::chrono::milliseconds(10);

}  // namespace

struct StreamServer::State : std::enable_shared_from_this<State> {
  struct Connection {
    Connection(asio::io_context& io, int fd) : socket(io, fd) {}
    Descriptor socket;
    std::unique_ptr<StreamReader> reader;
    std::string waiting;      // the begin of a message
    SteadyTime last_bytes{};  // when some came
    SteadyTime begun{};       // of the message that waits
    bool paused = false;
    bool closed = false;
  };

  State(Loop& loop, StreamOptions its_options, MakeStreamReader its_make, Listener listener)
      : io(*loop.state()->io),
        options(std::move(its_options)),
        make(std::move(its_make)),
        port(listener.port),
        listening(io, listener.fd.release()),
        look(io),
        resume(io),
        buffer(read_bytes, '\0') {}

  void start() {
    accept_next();
    look_next();
  }

  void accept_next() {
    listening.async_wait(Descriptor::wait_read, [self = shared_from_this()](error_code ec) {
      if (!ec && !self->stopped) self->accept_all();
    });
  }

  void accept_all() {
    for (;;) {
      int const fd =
          ::accept4(listening.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return accept_next();
        // No descriptor is left: the next look tries again.
        accept_again = true;
        return;
      }
      if (connections.size() >= options.max_connections) {
        ++counts.rejected;
        ::close(fd);
        continue;
      }
      ++counts.connections;
      auto connection = std::make_shared<Connection>(io, fd);
      connection->reader = make(peer_name(fd));
      connection->last_bytes = std::chrono::steady_clock::now();
      connections.insert(connection);
      read_next(connection);
    }
  }

  void read_next(std::shared_ptr<Connection> const& connection) {
    connection->socket.async_wait(Descriptor::wait_read,
                                  [self = shared_from_this(), connection](error_code ec) {
                                    if (!ec && !connection->closed) self->read(connection);
                                  });
  }

  void read(std::shared_ptr<Connection> const& connection) {
    for (std::size_t i = 0; i < reads_at_once; ++i) {
      if (options.may_read && !options.may_read()) return pause_reading(connection);
      // What waits stands in front of what comes.
      std::size_t const held = connection->waiting.size();
      if (buffer.size() < held + read_bytes) buffer.resize(held + read_bytes);
      std::ranges::copy(connection->waiting, buffer.begin());
      auto const got =
          ::recv(connection->socket.native_handle(), buffer.data() + held, read_bytes, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) return close(connection);
      counts.bytes += static_cast<std::uint64_t>(got);
      connection->last_bytes = std::chrono::steady_clock::now();
      if (!take(*connection, {buffer.data(), held + static_cast<std::size_t>(got)})) {
        ++counts.refused;
        return close(connection);
      }
      if (static_cast<std::size_t>(got) < read_bytes) break;
    }
    read_next(connection);
  }

  void pause_reading(std::shared_ptr<Connection> const& connection) {
    ++counts.pauses;
    connection->paused = true;
    paused.push_back(connection);
    if (paused.size() == 1) resume_later();
  }

  void resume_later() {
    resume.expires_after(pause);
    resume.async_wait([self = shared_from_this()](error_code ec) {
      if (ec || self->stopped) return;
      if (!self->options.may_read()) return self->resume_later();
      auto const now = std::chrono::steady_clock::now();
      for (auto const& connection : std::exchange(self->paused, {})) {
        if (connection->closed) continue;
        connection->paused = false;
        connection->last_bytes = connection->begun = now;  // it was we who did not read
        self->read(connection);
      }
    });
  }

  bool take(Connection& connection, std::string_view bytes) {
    auto const taken = connection.reader->take(bytes);
    if (!taken || bytes.size() - *taken > options.most_waiting) return false;
    if (*taken > 0 || connection.waiting.empty()) connection.begun = connection.last_bytes;
    connection.waiting = bytes.substr(*taken);
    if (connection.waiting.empty()) connection.waiting.shrink_to_fit();
    return true;
  }

  void close(std::shared_ptr<Connection> const& connection) {
    if (connection->closed) return;
    connection->closed = true;
    error_code ignored;
    connection->socket.close(ignored);
    connection->reader->closed(connection->waiting.size());
    connections.erase(connection);
  }

  void look_next() {
    look.expires_after(look_every);
    look.async_wait([self = shared_from_this()](error_code ec) {
      if (ec || self->stopped) return;
      self->cut_late();
      if (std::exchange(self->accept_again, false)) self->accept_all();
      self->look_next();
    });
  }

  void cut_late() {
    auto const now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Connection>> late;
    for (auto const& one : connections) {
      if (one->paused) continue;
      bool const rest = !one->waiting.empty() && now - one->begun > options.rest_timeout;
      if (rest || now - one->last_bytes > options.idle_timeout) late.push_back(one);
    }
    for (auto const& one : late) {
      ++counts.timeouts;
      close(one);
    }
  }

  void stop() {
    stopped = true;
    error_code ignored;
    listening.close(ignored);
    look.cancel();
    resume.cancel();
    paused.clear();
    auto const all = connections;  // close() takes itself out of the set
    for (auto const& one : all) close(one);
    make = nullptr;
  }

  asio::io_context& io;
  StreamOptions const options;
  MakeStreamReader make;
  std::uint16_t const port;
  Descriptor listening;
  asio::steady_timer look, resume;
  std::string buffer;
  std::set<std::shared_ptr<Connection>> connections;
  std::vector<std::shared_ptr<Connection>> paused;
  StreamCounts counts;
  bool stopped = false, accept_again = false;
};

Result<std::unique_ptr<StreamServer>> StreamServer::listen(Loop& loop, StreamOptions options,
                                                           MakeStreamReader make) {
  auto listener = listen_tcp(options.host, options.port);
  if (!listener) return listener.error();
  auto state =
      std::make_shared<State>(loop, std::move(options), std::move(make), std::move(*listener));
  state->start();
  return std::unique_ptr<StreamServer>(new StreamServer(std::move(state)));
}

StreamServer::~StreamServer() { state_->stop(); }
std::uint16_t StreamServer::port() const { return state_->port; }
StreamCounts StreamServer::counts() const {
  auto counts = state_->counts;
  counts.open = state_->connections.size();
  return counts;
}

struct DatagramServer::State : std::enable_shared_from_this<State> {
  State(Loop& loop, Listener listener, Handler its_handler)
      : socket(*loop.state()->io, listener.fd.release()),
        port(listener.port),
        handler(std::move(its_handler)),
        buffer(most_datagram, '\0') {}

  void read_next() {
    socket.async_wait(Descriptor::wait_read, [self = shared_from_this()](error_code ec) {
      if (!ec && !self->stopped) self->read();
    });
  }
  void read() {
    for (std::size_t i = 0; i < datagrams_at_once; ++i) {
      auto const got = ::recv(socket.native_handle(), buffer.data(), buffer.size(), 0);
      if (got < 0) break;  // none is left; or an earlier one's error, which is nobody's here
      handler({buffer.data(), static_cast<std::size_t>(got)});
    }
    read_next();
  }

  Descriptor socket;
  std::uint16_t const port;
  Handler const handler;
  std::string buffer;
  bool stopped = false;
};

Result<std::unique_ptr<DatagramServer>> DatagramServer::listen(Loop& loop, std::string const& host,
                                                               std::uint16_t port,
                                                               Handler handler) {
  auto listener = listen_udp(host, port);
  if (!listener) return listener.error();
  auto state = std::make_shared<State>(loop, std::move(*listener), std::move(handler));
  state->read_next();
  return std::unique_ptr<DatagramServer>(new DatagramServer(std::move(state)));
}

DatagramServer::~DatagramServer() {
  state_->stopped = true;
  error_code ignored;
  state_->socket.close(ignored);
}
std::uint16_t DatagramServer::port() const { return state_->port; }

}  // namespace dadvisor::http
