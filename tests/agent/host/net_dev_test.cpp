#include "agent/host/net_dev.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::agent;

namespace {
constexpr std::string_view heading =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n";
}

TEST_CASE("interfaces are summed without the loopback") {
  std::string const text =
      std::string(heading) +
      "    lo:    3267      29    0    0    0     0          0         0     3267      29    0    "
      "0 "
      "   0     0       0          0\n"
      "  eth0: 160015034    4071    1    2    0     0          0         0   162025    2214    3   "
      " "
      "4    0     0       0          0\n"
      "eth1:10 20 30 40 0 0 0 0 50 60 70 80 0 0 0 0\n";  // old kernels put no blank there
  auto const sum = sum_net_dev(text);
  REQUIRE(sum);
  CHECK(sum->rx_bytes == 160015044);
  CHECK(sum->rx_packets == 4091);
  CHECK(sum->rx_errors == 31);
  CHECK(sum->rx_drops == 42);
  CHECK(sum->tx_bytes == 162075);
  CHECK(sum->tx_packets == 2274);
  CHECK(sum->tx_errors == 73);
  CHECK(sum->tx_drops == 84);
}

TEST_CASE("a namespace with nothing but loopback has figures, and they are 0") {
  auto const sum = sum_net_dev(std::string(heading) + "lo: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n");
  REQUIRE(sum);
  CHECK(sum->rx_bytes == 0);
  CHECK(sum->tx_bytes == 0);
}

TEST_CASE("what is no net/dev gives no figures") {
  CHECK_FALSE(sum_net_dev(""));
  CHECK_FALSE(sum_net_dev("Inter-| Receive"));
  CHECK_FALSE(sum_net_dev(std::string(heading) + "eth0: 1 2 3\n"));
  CHECK_FALSE(sum_net_dev(std::string(heading) + "no colon\n"));
}

TEST_CASE("TCP figures are found by name, not by column") {
  TcpFigures tcp;
  scan_sockstat(
      "sockets: used 30\nTCP: inuse 4 orphan 1 tw 2 alloc 9 mem 380\nUDP: inuse 7 mem 0\n", tcp);
  CHECK(tcp.inuse == 4);
  CHECK(tcp.time_wait == 2);
  scan_snmp("Ip: A B\nIp: 1 2\nTcp: MaxConn InSegs RetransSegs InErrs\nTcp: -1 100 17 0\n", tcp);
  CHECK(tcp.retransmits == 17);
  scan_netstat("TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 3 5\n", tcp);
  CHECK(tcp.listen_drops == 5);
  scan_netstat("TcpExt: SyncookiesSent\nTcpExt: 0\n", tcp);
  CHECK_FALSE(tcp.listen_drops);
}
