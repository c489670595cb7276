#include "agent/net/route_socket.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace dadvisor::agent {

namespace {

Error malformed() { return {Errc::malformed, 0, "rtnetlink"}; }

// What NLMSG_ERROR and NLMSG_DONE carry in front: 0 or an errno below it.
int status_of(NetlinkMessage const& message) {
  std::uint32_t number = 0;
  return scan_u32(message.body, number) ? -static_cast<std::int32_t>(number) : 0;
}

}  // namespace

Result<RouteSocket> RouteSocket::open(std::uint32_t groups) {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket) return os_error(errno, "rtnetlink");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  auto const* const own = reinterpret_cast<sockaddr const*>(&address);
  if (::bind(socket.get(), own, sizeof address) != 0) return os_error(errno, "rtnetlink");
  // Connected to the kernel, whose number is 0, it takes nothing from other programs.
  address.nl_groups = 0;
  if (::connect(socket.get(), own, sizeof address) != 0) return os_error(errno, "rtnetlink");
  return RouteSocket(std::move(socket));
}

Result<std::string_view> RouteSocket::receive() {
  for (;;) {
    auto const length = ::recv(socket_.get(), buffer_.get(), buffer_size, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::string_view();
    if (length < 0 && errno == ENOBUFS) return Error{Errc::unavailable, ENOBUFS, "rtnetlink"};
    if (length < 0) return os_error(errno, "rtnetlink");
    if (length == 0 || static_cast<std::size_t>(length) > buffer_size) return malformed();
    return std::string_view(buffer_.get(), static_cast<std::size_t>(length));
  }
}

Result<void> RouteSocket::ask(NetlinkRequest const& request,
                              std::function<bool(NetlinkMessage const&)> const& take) {
  auto const bytes = request.bytes(++sequence_);
  auto const sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return os_error(errno, "rtnetlink");
  bool interrupted = false;
  for (;;) {
    auto datagram = receive();
    if (!datagram) return datagram.error();
    if (datagram->empty()) return Error{Errc::timeout, 0, "rtnetlink: no whole answer"};
    NetlinkMessage message;
    for (;;) {
      auto const taken = take_message(*datagram, message);
      if (taken == Taken::malformed) return malformed();
      if (taken == Taken::end) break;
      if (message.sequence != sequence_) continue;  // left of an answer that nobody read
      interrupted = interrupted || (message.flags & NLM_F_DUMP_INTR) != 0;
      bool const last = message.type == NLMSG_DONE || message.type == NLMSG_ERROR;
      if (last) {
        if (int const failed = status_of(message); failed != 0)
          return os_error(failed, "rtnetlink");
      } else if (message.type == NLMSG_OVERRUN || !take(message)) {
        return malformed();
      }
      if (!last && (message.flags & NLM_F_MULTI) != 0) continue;
      if (interrupted) return Error{Errc::conflict, 0, "rtnetlink: the links changed meanwhile"};
      return {};
    }
  }
}

Result<std::size_t> RouteSocket::told(std::function<bool(NetlinkMessage const&)> const& take) {
  std::size_t count = 0;
  for (;;) {
    auto datagram = receive();
    if (!datagram) return datagram.error();
    if (datagram->empty()) return count;
    NetlinkMessage message;
    for (;;) {
      auto const taken = take_message(*datagram, message);
      if (taken == Taken::end) break;
      if (taken == Taken::malformed || !take(message)) return malformed();
      ++count;
    }
  }
}

}  // namespace dadvisor::agent
