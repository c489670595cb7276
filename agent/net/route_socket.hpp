#pragma once
// A netlink socket to the kernel's rtnetlink, in the network namespace of this process.
//
// The kernel answers within the call that asks, so nothing here waits: an answer that is not there
// is none. What others than the kernel send does not arrive. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/net/netlink_message.hpp"
#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

class RouteSocket {
 public:
  // `groups`: of the kernel's notifications, as bits (RTMGRP_LINK); 0 for asking. Needs no
  // privilege. Errors: unsupported or denied where this process may have no such socket.
  static Result<RouteSocket> open(std::uint32_t groups);
  // One that is open already, to the kernel or what stands for it.
  explicit RouteSocket(Fd socket)
      : socket_(std::move(socket)), buffer_(std::make_unique_for_overwrite<char[]>(buffer_size)) {}

  // Asks, and hands each message of the answer to `take`, which says whether it is as it must be.
  // Errors: conflict when what was asked for changed meanwhile (ask again); malformed; what the
  // kernel refused with. After any but conflict the socket is of no more use where a dump was asked
  // for: part of it may be left.
  Result<void> ask(NetlinkRequest const& request,
                   std::function<bool(NetlinkMessage const&)> const& take);

  // Hands over what the kernel told since the last call, each message to `take`; how many there
  // were. Errors: unavailable when some were lost (too many at once); malformed.
  Result<std::size_t> told(std::function<bool(NetlinkMessage const&)> const& take);

 private:
  // The next datagram; empty when there is none.
  Result<std::string_view> receive();

  Fd socket_;
  // The kernel fills at most 32 KiB of a dump at a time; what it never fills is never mapped.
  static constexpr std::size_t buffer_size = 64 << 10;
  std::unique_ptr<char[]> buffer_;
  std::uint32_t sequence_ = 0;
};

}  // namespace dadvisor::agent
