#include "agent/net/link_message.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "tests/agent/net/recorded_links.hpp"
#include "tests/agent/net/route_answers.hpp"

using namespace dadvisor::agent;
using namespace dadvisor::test;

namespace {

// The bodies of the messages of that type.
std::vector<std::string_view> bodies(std::string_view bytes, int type) {
  std::vector<std::string_view> found;
  NetlinkMessage taken;
  while (take_message(bytes, taken) == Taken::one)
    if (taken.type == type) found.push_back(taken.body);
  return found;
}

std::string_view body(std::string_view bytes) {
  NetlinkMessage taken;
  REQUIRE(take_message(bytes, taken) == Taken::one);
  return taken.body;
}

}  // namespace

TEST_CASE("a recorded dump of links tells the veths and the namespaces of their other ends") {
  auto const bytes = recorded("links");
  std::vector<int> here;
  std::map<int, std::vector<std::pair<int, int>>> spaces;
  for (auto const one : bodies(bytes, RTM_NEWLINK)) {
    auto const link = scan_link(one);
    REQUIRE(link);
    if (link->veth && link->peer_space)
      spaces[*link->peer_space].emplace_back(link->index, link->peer_index.value_or(0));
    else
      here.push_back(link->index);
  }
  CHECK(here == std::vector{1, 2, 3, 4, 5, 528});  // lo, ifb0, ifb1, eth0, two bridges
  CHECK(spaces[0] == std::vector<std::pair<int, int>>{{530, 529}, {534, 533}});
  CHECK(spaces[1] == std::vector<std::pair<int, int>>{{532, 531}});
  CHECK(spaces.size() == 2);
  CHECK(scan_name_space(body(recorded("name_space_a"))) == 0);
  CHECK(scan_name_space(body(recorded("name_space_b"))) == 1);
}

TEST_CASE("recorded counters of the host's ends are those of the containers' own files, swapped") {
  std::map<int, NetCounters> ends;
  auto const bytes = recorded("counters");
  for (auto const one : bodies(bytes, RTM_NEWSTATS)) {
    auto const counted = scan_link_counters(one);
    REQUIRE(counted);
    ends[counted->index] = counted->counters;
  }
  auto const a = sum_net_dev(recorded("dev_a")), b = sum_net_dev(recorded("dev_b"));
  REQUIRE((a && b));
  CHECK(a->tx_bytes == 378 + 2168);
  CHECK(ends[530].rx_bytes + ends[534].rx_bytes == a->tx_bytes);
  CHECK(ends[530].tx_bytes + ends[534].tx_bytes == a->rx_bytes);
  CHECK(ends[530].rx_packets + ends[534].rx_packets == a->tx_packets);
  CHECK(ends[530].tx_packets + ends[534].tx_packets == a->rx_packets);
  CHECK(ends[532].tx_bytes == b->rx_bytes);
  CHECK(ends[532].rx_bytes == b->tx_bytes);
}

TEST_CASE("a link that is no veth is told as none, whatever its name") {
  CHECK(scan_link(body(link(9, 8, 3)))->veth);
  CHECK_FALSE(scan_link(body(link(9, 8, 3, "macvlan")))->veth);
  CHECK_FALSE(scan_link(body(link(9, 8, 3, "vethx")))->veth);
  CHECK_FALSE(scan_link(body(link(9, 8, std::nullopt)))->peer_space);
}

TEST_CASE("drops are what net/dev calls so, and a shorter structure of an older kernel will do") {
  rtnl_link_stats64 stats{};
  stats.rx_dropped = 5;
  stats.rx_missed_errors = 2;
  stats.tx_dropped = 3;
  if_stats_msg header{};
  header.ifindex = 6;
  auto const scan = [&](std::size_t length) {
    return scan_link_counters(std::string(bytes_of(header)) +
                              attribute(IFLA_STATS_LINK_64, bytes_of(stats).substr(0, length)));
  };
  auto const whole = scan(sizeof stats);
  REQUIRE(whole);
  CHECK(whole->index == 6);
  CHECK(whole->counters.rx_drops == 7);
  CHECK(whole->counters.tx_drops == 3);
  auto const old = scan(64);
  REQUIRE(old);
  CHECK(old->counters.rx_drops == 5);
  CHECK_FALSE(scan(63));
}

TEST_CASE("a body that ends early or lacks what was asked for is malformed, at every length") {
  auto const cut = [](std::string const& whole, auto const& scan) {
    auto const bytes = body(whole);
    REQUIRE(scan(bytes));
    std::size_t taken = 0;
    for (std::size_t length = 0; length < bytes.size(); ++length)
      taken += scan(bytes.substr(0, length)).has_value() ? 1 : 0;
    return taken;
  };
  // Where an attribute ends what is left of a link is a link with less known, as from old kernels:
  // behind the header, the name (4 times, with none to all 3 bytes of its padding), the other end's
  // index, the namespace.
  CHECK(cut(link(9, 8, 3), scan_link) == 7);
  CHECK(cut(counters(9, 1, 2), scan_link_counters) == 0);
  CHECK(cut(name_space(4), scan_name_space) == 0);
  CHECK_FALSE(scan_link(body(link(0, 8, 3))));
  CHECK_FALSE(scan_link_counters(body(counters(0, 1, 2))));
  std::string const whole = counters(9, 1, 2);
  std::string const two(body(whole));
  CHECK_FALSE(scan_link_counters(two + two.substr(12)));
}
