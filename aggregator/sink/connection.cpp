#include "aggregator/sink/connection.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace dadvisor::aggregator::sink {

namespace {

int milliseconds(Nanoseconds limit) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
}

Result<void> connect(Fd const& socket, addrinfo const& address, Nanoseconds limit,
                     std::string const& name) {
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS) return os_error(errno, name);
  pollfd wait{socket.get(), POLLOUT, 0};
  if (::poll(&wait, 1, milliseconds(limit)) != 1)
    return Error{Errc::timeout, 0, name + ": no answer to a connect"};
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return os_error(error, name);
  return {};
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(std::string const& host, std::uint16_t port,
                                                     Nanoseconds limit) {
  auto const name = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (int const error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found))
    return Error{Errc::unavailable, 0, name + ": " + ::gai_strerror(error)};
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const owned(found, &::freeaddrinfo);
  Error last{Errc::unavailable, 0, name + ": no address"};
  for (auto const* address = found; address != nullptr; address = address->ai_next) {
    Fd socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
      last = os_error(errno, name);
      continue;
    }
    auto const connected = connect(socket, *address, limit, name);
    if (connected) return std::unique_ptr<Connection>(new Connection(std::move(socket)));
    last = connected.error();
  }
  return last;
}

Result<void> Connection::send(std::string_view bytes, Nanoseconds limit) {
  while (!bytes.empty()) {
    ssize_t const sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return os_error(errno, "send");
    pollfd wait{socket_.get(), POLLOUT, 0};
    if (::poll(&wait, 1, milliseconds(limit)) == 0)
      return Error{Errc::timeout, 0, "the peer takes no more bytes"};
  }
  return {};
}

bool Connection::alive() const {
  pollfd look{socket_.get(), POLLIN | POLLRDHUP, 0};
  if (::poll(&look, 1, 0) <= 0) return true;
  if ((look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return false;
  // What a peer may say is of no interest; reading it keeps the next look honest.
  char said[256];
  return ::recv(socket_.get(), said, sizeof said, MSG_DONTWAIT) != 0;
}

}  // namespace dadvisor::aggregator::sink
