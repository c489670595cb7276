#include "agent/net/link_message.hpp"

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

namespace dadvisor::agent {

namespace {

template <typename Header>
std::string_view bytes_of(Header const& header) {
  return {reinterpret_cast<char const*>(&header), sizeof header};
}

// The structure in front of `body`, which then begins with the attributes.
template <typename Header>
bool take_header(std::string_view& body, Header& header) {
  constexpr std::size_t padded = (sizeof header + 3) & ~std::size_t{3};
  if (body.size() < padded) return false;
  std::memcpy(&header, body.data(), sizeof header);
  body.remove_prefix(padded);
  return true;
}

// Hands each attribute to `take`, which says whether it is as it must be.
template <typename Take>
bool each_attribute(std::string_view attributes, Take const& take) {
  NetlinkAttribute attribute;
  for (;;) switch (take_attribute(attributes, attribute)) {
      case Taken::end:
        return true;
      case Taken::malformed:
        return false;
      case Taken::one:
        if (!take(attribute)) return false;
    }
}

bool scan_index(std::string_view value, std::optional<std::int32_t>& into) {
  std::uint32_t number = 0;
  if (!scan_u32(value, number)) return false;
  into = static_cast<std::int32_t>(number);
  return true;
}

}  // namespace

std::optional<HostLink> scan_link(std::string_view body) {
  ifinfomsg header{};
  if (!take_header(body, header) || header.ifi_index <= 0) return std::nullopt;
  HostLink link;
  link.index = header.ifi_index;
  link.of_bridge = header.ifi_family == AF_BRIDGE;
  auto const kind = [&](NetlinkAttribute const& attribute) {
    // Terminated by a zero byte.
    if (attribute.type == IFLA_INFO_KIND)
      link.veth = attribute.value.substr(0, attribute.value.find('\0')) == "veth";
    return true;
  };
  bool const whole = each_attribute(body, [&](NetlinkAttribute const& attribute) {
    switch (attribute.type) {
      case IFLA_LINK:
        return scan_index(attribute.value, link.peer_index);
      case IFLA_LINK_NETNSID:
        return scan_index(attribute.value, link.peer_space);
      case IFLA_LINKINFO:
        return each_attribute(attribute.value, kind);
      default:
        return true;
    }
  });
  if (!whole) return std::nullopt;
  return link;
}

std::optional<LinkCounters> scan_link_counters(std::string_view body) {
  if_stats_msg header{};
  if (!take_header(body, header) || header.ifindex == 0) return std::nullopt;
  LinkCounters link;
  link.index = static_cast<std::int32_t>(header.ifindex);
  bool found = false;
  bool const whole = each_attribute(body, [&](NetlinkAttribute const& attribute) {
    if (attribute.type != IFLA_STATS_LINK_64) return true;
    // The structure grows at its end from kernel to kernel: of an older one the rest is 0.
    constexpr std::size_t least = offsetof(rtnl_link_stats64, multicast);
    if (found || attribute.value.size() < least) return false;
    rtnl_link_stats64 stats{};
    std::memcpy(&stats, attribute.value.data(), std::min(sizeof stats, attribute.value.size()));
    auto const number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    link.counters = {number(stats.rx_bytes),
                     number(stats.rx_packets),
                     number(stats.rx_errors),
                     number(stats.rx_dropped + stats.rx_missed_errors),  // as net/dev shows it
                     number(stats.tx_bytes),
                     number(stats.tx_packets),
                     number(stats.tx_errors),
                     number(stats.tx_dropped)};
    return found = true;
  });
  if (!whole || !found) return std::nullopt;
  return link;
}

std::optional<std::int32_t> scan_name_space(std::string_view body) {
  rtgenmsg header{};
  if (!take_header(body, header)) return std::nullopt;
  std::optional<std::int32_t> number;
  bool const whole = each_attribute(body, [&](NetlinkAttribute const& attribute) {
    return attribute.type != NETNSA_NSID || scan_index(attribute.value, number);
  });
  if (!whole) return std::nullopt;
  return number;
}

NetlinkRequest ask_links() {
  ifinfomsg header{};
  // The counters of this dump are another pair of 300 bytes that nobody reads.
  return NetlinkRequest(RTM_GETLINK, NLM_F_DUMP, bytes_of(header))
      .with(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

NetlinkRequest ask_link_counters() {
  if_stats_msg header{};
  header.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  return NetlinkRequest(RTM_GETSTATS, NLM_F_DUMP, bytes_of(header));
}

NetlinkRequest ask_name_space(std::int64_t pid) {
  rtgenmsg header{};
  return NetlinkRequest(RTM_GETNSID, 0, bytes_of(header))
      .with(NETNSA_PID, static_cast<std::uint32_t>(pid));
}

}  // namespace dadvisor::agent
