#pragma once
// What rtnetlink says of the links of the namespace it is asked in, and how to ask it: three
// requests, none of which needs a privilege. Pure.
//
//   RTM_GETLINK, all links    struct ifinfomsg, then attributes         Linux 4.0 (peers' spaces)
//   RTM_GETSTATS, all links   struct if_stats_msg, IFLA_STATS_LINK_64   Linux 4.7
//   RTM_GETNSID of a process  struct rtgenmsg, NETNSA_NSID              Linux 4.0

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/host/net_dev.hpp"
#include "agent/net/netlink_message.hpp"

namespace dadvisor::agent {

// One end of a link as seen from the namespace that was asked.
struct HostLink {
  std::int32_t index = 0;
  bool veth = false;
  // A bridge tells of its port that it came, went or changed its state: nothing of the link itself.
  bool of_bridge = false;
  // The other end of a veth: its own index there, and the number that the namespace asked has for
  // the namespace it is in. Absent when both ends are here.
  std::optional<std::int32_t> peer_index, peer_space;
};
// Of the body of RTM_NEWLINK and RTM_DELLINK. nullopt: malformed.
std::optional<HostLink> scan_link(std::string_view body);

struct LinkCounters {
  std::int32_t index = 0;
  NetCounters counters;  // as the end asked counts them: what a peer sent, it received
};
// Of the body of RTM_NEWSTATS. nullopt: malformed, or without the counters that were asked for.
std::optional<LinkCounters> scan_link_counters(std::string_view body);

// Of the body of RTM_NEWNSID: the number that the namespace asked has for the process's namespace;
// -1 when it has none. nullopt: malformed.
std::optional<std::int32_t> scan_name_space(std::string_view body);

NetlinkRequest ask_links();
NetlinkRequest ask_link_counters();
NetlinkRequest ask_name_space(std::int64_t pid);

}  // namespace dadvisor::agent
