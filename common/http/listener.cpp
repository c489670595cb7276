#include "common/http/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace dadvisor::http {
namespace {

constexpr int backlog = 1024;

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<sockaddr_in const&>(address).sin_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in6 const&>(address).sin6_port);
}

Error bind_error(int number, std::string const& where) {
  Error error = os_error(number, "listen on " + where);
  if (number == EADDRINUSE) {
    error.code = Errc::conflict;
    error.context += " (another process listens there; stop it or choose another port)";
  } else if (number == EADDRNOTAVAIL) {
    error.context += " (this machine does not have that address)";
  } else if (number == EACCES) {
    error.context += " (no right to; choose a port of 1024 or more)";
  }
  return error;
}

// A bound socket of the type; a stream's one listens.
Result<Listener> bind_socket(std::string const& host, std::uint16_t port, int type) {
  bool const six = host.find(':') != std::string::npos;
  auto const where = fmt::format("{}{}{}:{}", six ? "[" : "", host, six ? "]" : "", port);
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int const failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    return Error{Errc::not_found, 0, fmt::format("listen on {}: {}", where, gai_strerror(failure))};
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> const addresses(found, freeaddrinfo);
  Error last{Errc::not_found, 0, "listen on " + where};
  for (auto const* address = addresses.get(); address; address = address->ai_next) {
    Fd fd(socket(address->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int const on = 1;
    if (!fd ||
        (type == SOCK_STREAM &&
         setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        bind(fd.get(), address->ai_addr, address->ai_addrlen) != 0 ||
        (type == SOCK_STREAM && ::listen(fd.get(), backlog) != 0)) {
      last = bind_error(errno, where);
      continue;
    }
    auto const bound = bound_port(fd.get());
    return Listener{std::move(fd), address->ai_family, bound};
  }
  return last;
}

}  // namespace

Result<Listener> listen_tcp(std::string const& host, std::uint16_t port) {
  return bind_socket(host, port, SOCK_STREAM);
}

Result<Listener> listen_udp(std::string const& host, std::uint16_t port) {
  return bind_socket(host, port, SOCK_DGRAM);
}

Result<Listener> listen_unix(std::string const& path, unsigned mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{Errc::too_large, 0,
                 fmt::format("listen on unix:{}: longer than {} bytes; choose a shorter path", path,
                             sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  auto const* const generic = reinterpret_cast<sockaddr const*>(&address);

  struct stat there {};
  if (lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) {
      return Error{Errc::conflict, 0, "listen on unix:" + path + ": another file is there"};
    }
    Fd const probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN) {
      return Error{Errc::conflict, 0, "listen on unix:" + path + ": another process listens there"};
    }
    unlink(path.c_str());
  }
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || bind(fd.get(), generic, sizeof address) != 0 || chmod(path.c_str(), mode) != 0 ||
      ::listen(fd.get(), backlog) != 0) {
    return bind_error(errno, "unix:" + path);
  }
  return Listener{std::move(fd), AF_UNIX, 0};
}

Result<Listener> take_listener(int fd) {
  auto const where = fmt::format("listen on descriptor {}", fd);
  int listens = 0;
  socklen_t size = sizeof listens;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0)
    return os_error(errno, where);
  sockaddr_storage address{};
  size = sizeof address;
  if (listens == 0 || getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return Error{Errc::malformed, 0, where + ": it is no socket that listens"};
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
    return os_error(errno, where);
  bool const unix_socket = address.ss_family == AF_UNIX;
  return Listener{Fd(fd), address.ss_family, unix_socket ? std::uint16_t{0} : bound_port(fd)};
}

std::optional<std::uint32_t> peer_uid(int fd) {
  ucred peer{};  // of when it connected (unix(7), SO_PEERCRED)
  socklen_t size = sizeof peer;
  int family = 0;
  socklen_t family_size = sizeof family;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &family_size) != 0 || family != AF_UNIX ||
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return std::nullopt;
  return peer.uid;
}

std::string peer_name(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "unknown";
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    auto const& four = reinterpret_cast<sockaddr_in const&>(address);
    inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(four.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    auto const& six = reinterpret_cast<sockaddr_in6 const&>(address);
    inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(six.sin6_port));
  }
  ucred peer{};  // of when it connected (unix(7), SO_PEERCRED)
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return "unix";
  return fmt::format("unix uid {} pid {}", peer.uid, peer.pid);
}

}  // namespace dadvisor::http
