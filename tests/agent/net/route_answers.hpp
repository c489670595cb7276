#pragma once
// Stands for the kernel at the other end of the agent's netlink sockets: answers are laid out
// before they are asked for, each for one request, in the order of the requests.

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "agent/net/host_links.hpp"

namespace dadvisor::test {

template <typename Header>
std::string_view bytes_of(Header const& header) {
  return {reinterpret_cast<char const*>(&header), sizeof header};
}

inline std::string attribute(int type, std::string_view value) {
  nlattr header{};
  header.nla_len = static_cast<std::uint16_t>(sizeof header + value.size());
  header.nla_type = static_cast<std::uint16_t>(type);
  std::string bytes = std::string(bytes_of(header)).append(value);
  bytes.resize((bytes.size() + 3) & ~std::size_t{3});
  return bytes;
}

inline std::string message(int type, int flags, std::string_view body) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body.size());
  header.nlmsg_type = static_cast<std::uint16_t>(type);
  header.nlmsg_flags = static_cast<std::uint16_t>(flags);
  return std::string(bytes_of(header)).append(body);
}

inline std::string done() { return message(NLMSG_DONE, NLM_F_MULTI, bytes_of(0)); }
inline std::string refusal(int number) {
  return message(NLMSG_ERROR, 0, std::string(bytes_of(-number)) + std::string(16, '\0'));
}

// A link's end on the host: its index, the other end's, the number of that one's namespace.
inline std::string link(int index, int peer, std::optional<int> space, char const* kind = "veth",
                        int type = RTM_NEWLINK, unsigned char family = AF_UNSPEC) {
  ifinfomsg header{};
  header.ifi_family = family;
  header.ifi_index = index;
  std::string body(bytes_of(header));
  body += attribute(IFLA_IFNAME, "veth0");
  body += attribute(IFLA_LINK, bytes_of(peer));
  if (space) body += attribute(IFLA_LINK_NETNSID, bytes_of(*space));
  body += attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, std::string(kind) + '\0'));
  return message(type, NLM_F_MULTI, body);
}

// What it counts: its own sending is the container's receiving.
inline std::string counters(int index, std::uint64_t rx, std::uint64_t tx,
                            std::uint64_t drops = 0) {
  if_stats_msg header{};
  header.ifindex = static_cast<std::uint32_t>(index);
  rtnl_link_stats64 stats{};
  stats.rx_bytes = rx;
  stats.rx_packets = rx / 100;
  stats.tx_bytes = tx;
  stats.tx_packets = tx / 100;
  stats.tx_dropped = drops;
  return message(RTM_NEWSTATS, NLM_F_MULTI,
                 std::string(bytes_of(header)) + attribute(IFLA_STATS_LINK_64, bytes_of(stats)));
}

inline std::string name_space(int number) {
  return message(RTM_NEWNSID, 0,
                 std::string(bytes_of(rtgenmsg{})) + std::string(3, '\0') +
                     attribute(NETNSA_NSID, bytes_of(number)));
}

// A dump's messages say by their flags that links changed while they were written.
inline std::string interrupted(std::string bytes) {
  nlmsghdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  header.nlmsg_flags |= NLM_F_DUMP_INTR;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

class RouteAnswers {
 public:
  RouteAnswers() { prepare(); }
  // The sockets that are opened next.
  void prepare() {
    telling_ = pair(hearing_end_);
    answering_ = pair(asking_end_);
    sequence_ = 0;
  }
  agent::HostLinks::Opener opener() {
    return [this](std::uint32_t groups) -> Result<agent::RouteSocket> {
      ++opened;
      if (refuse) return Error{Errc::denied, 1, "no netlink"};
      return agent::RouteSocket(std::move(groups != 0 ? hearing_end_ : asking_end_));
    };
  }
  // The answer to the next request that is not answered yet; `parts` datagrams.
  template <typename... Parts>
  void answer(Parts const&... parts) {
    ++sequence_;
    (send(answering_, parts, sequence_), ...);
  }
  void tell(std::string const& bytes) { send(telling_, bytes, 0); }
  void hang_up() { telling_.reset(); }
  // Requests that nobody has read the types of yet.
  std::string asked() {
    std::string types;
    char request[256];
    for (;;) {
      auto const length = ::recv(answering_.get(), request, sizeof request, MSG_DONTWAIT);
      if (length < static_cast<ssize_t>(sizeof(nlmsghdr))) return types;
      nlmsghdr header{};
      std::memcpy(&header, request, sizeof header);
      types += header.nlmsg_type == RTM_GETLINK    ? "links "
               : header.nlmsg_type == RTM_GETSTATS ? "counters "
                                                   : "space ";
    }
  }

  int opened = 0;
  bool refuse = false;

 private:
  static void send(Fd const& to, std::string bytes, std::uint32_t sequence) {
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= bytes.size();) {
      nlmsghdr header{};
      std::memcpy(&header, bytes.data() + at, sizeof header);
      header.nlmsg_seq = sequence;
      std::memcpy(bytes.data() + at, &header, sizeof header);
      if (header.nlmsg_len < sizeof header) break;
      at += (header.nlmsg_len + 3) & ~3u;
    }
    if (::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) std::abort();
  }

  static Fd pair(Fd& other) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    other = Fd(ends[0]);
    return Fd(ends[1]);
  }

  Fd answering_, telling_, asking_end_, hearing_end_;
  std::uint32_t sequence_ = 0;
};

}  // namespace dadvisor::test
