#pragma once
// The listening socket of a Server, made by plain POSIX calls, so that one path serves TCP and
// unix sockets and every error names what to do.

#include <cstdint>
#include <optional>
#include <string>

#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::http {

struct Listener {
  Fd fd;                   // non-blocking, listening
  int family = 0;          // AF_INET, AF_INET6, AF_UNIX
  std::uint16_t port = 0;  // the bound one; 0 for a unix socket
};

// conflict: another process listens there; denied; not_found: no such address on this machine.
Result<Listener> listen_tcp(std::string const& host, std::uint16_t port);
// The same for datagrams.
Result<Listener> listen_udp(std::string const& host, std::uint16_t port);
// Replaces a socket file on which nobody listens; conflict where somebody does or where another
// kind of file is.
Result<Listener> listen_unix(std::string const& path, unsigned mode);
// One that somebody else made listen, as systemd does for a .socket unit. malformed: it does not.
Result<Listener> take_listener(int fd);

// Of the process at the other end of an accepted unix socket when it connected; nullopt: of
// another kind of socket.
std::optional<std::uint32_t> peer_uid(int fd);

// "192.0.2.1:40000", "[::1]:40000" or "unix uid 0 pid 7" for an accepted socket's peer.
std::string peer_name(int fd);

}  // namespace dadvisor::http
