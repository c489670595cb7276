#include "agent/host/host_reader.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

constexpr std::string_view net_heading = "Inter-| Receive | Transmit\n face |bytes ...\n";

void make_host(FileTree const& tree) {
  tree.write("proc/stat",
             "cpu  6171 29 5565 180867 484 3 234 11 5 0\ncpu0 2451 0 2277 91808 20 0 87 0 0 0\n"
             "cpu1 3719 0 3288 89058 464 0 146 0 0 0\nintr 1 2 3\nctxt 451223\n"
             "btime 1795390816\nprocesses 7071\n");
  tree.write("proc/meminfo",
             "MemTotal:       1000 kB\nMemFree:        300 kB\nMemAvailable:   600 kB\n"
             "Buffers:        10 kB\nCached:         200 kB\nSwapTotal:      50 kB\n"
             "SwapFree:       20 kB\nDirty:          4 kB\nSlab:           30 kB\n");
  tree.write("proc/loadavg", "0.36 0.30 0.15 2/107 7070\n");
  tree.write("proc/vmstat", "pgfault 9\npgmajfault 1096\noom_kill 2\n");
  tree.write("proc/diskstats", " 8 0 sda 100 7 2000 10 50 5 4000 20 0 77 30\n");
  tree.write("sys/block/sda/dev", "8:0\n");
  tree.write("proc/pressure/cpu",
             "some avg10=0.35 avg60=2.90 avg300=1.99 total=15520798\n"
             "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  tree.write("proc/sys/fs/file-nr", "540\t40\t2466167\n");
  tree.write("proc/sys/net/netfilter/nf_conntrack_count", "12\n");
  tree.write("proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
  tree.write("proc/1/net/dev", std::string(net_heading) +
                                   "lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
                                   "eth0: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n"
                                   "docker0: 7 7 0 0 0 0 0 0 7 7 0 0 0 0 0 0\n");
  tree.write("proc/1/net/sockstat", "TCP: inuse 3 orphan 0 tw 1 alloc 4 mem 1\n");
  tree.write("proc/1/net/snmp", "Tcp: InSegs RetransSegs\nTcp: 5 6\n");
  tree.directory("sys/class/net/eth0/device");
  tree.directory("sys/class/net/docker0");
  tree.write("proc/self/statm", "1000 250 100 1 0 50 0\n");
  tree.directory("proc/self/fd");
  for (char const* fd : {"0", "1", "2", "3"}) tree.write(std::string("proc/self/fd/") + fd, "");
}

HostReader reader_of(FileTree const& tree) {
  return HostReader({tree.path("proc"), tree.path("sys"), {tree.path("nowhere"), tree.root()}});
}

}  // namespace

TEST_CASE("a host's figures are read from its files") {
  FileTree tree;
  make_host(tree);
  auto reader = reader_of(tree);
  ReadBuffer buffer;
  auto const host = reader.read(true, buffer);
  REQUIRE(host.cpu);
  constexpr std::int64_t tick = 10'000'000;  // USER_HZ is 100
  CHECK(host.cpu->user == (6171 + 29) * tick);
  CHECK(host.cpu->system == 5565 * tick);
  CHECK(host.cpu->idle == 180867 * tick);
  CHECK(host.cpu->iowait == 484 * tick);
  CHECK(host.cpu->steal == 11 * tick);
  CHECK(host.cpu->usage == (6171 + 29 + 5565 + 3 + 234) * tick);
  CHECK(host.cpu_count == 2);
  CHECK(host.context_switches == 451223);
  CHECK(host.forks == 7071);
  CHECK(host.load_5m == 0.30);
  CHECK(host.mem_total == 1000 * 1024);
  CHECK(host.mem_used == 400 * 1024);
  CHECK(host.mem_cache == 210 * 1024);
  CHECK(host.swap_used == 30 * 1024);
  CHECK(host.oom_kills == 2);
  CHECK(host.major_faults == 1096);
  REQUIRE(host.disk);
  CHECK(host.disk->read_bytes == 2000 * 512);
  REQUIRE(host.net);
  CHECK(host.net->rx_bytes == 1000);  // neither loopback nor bridge
  CHECK(host.net->tx_bytes == 500);
  CHECK(host.cpu_pressure.some == 15520798);
  CHECK_FALSE(host.memory_pressure.some);
  CHECK(host.fd_used == 500);
  CHECK(host.fd_max == 2466167);
  CHECK(host.conntrack == 12);
  CHECK(host.tcp.inuse == 3);
  CHECK(host.tcp.retransmits == 6);
  CHECK(host.agent_rss == 250 * ::sysconf(_SC_PAGESIZE));
  CHECK(host.agent_fds == 3);
  REQUIRE(host.fs);
  CHECK(host.fs->total > 0);
}

TEST_CASE("between slow readings gauges stand and slow counters are absent") {
  FileTree tree;
  make_host(tree);
  auto reader = reader_of(tree);
  ReadBuffer buffer;
  (void)reader.read(true, buffer);
  tree.write("proc/1/net/sockstat", "TCP: inuse 8 orphan 0 tw 1 alloc 4 mem 1\n");
  auto const host = reader.read(false, buffer);
  CHECK(host.tcp.inuse == 3);
  CHECK_FALSE(host.tcp.retransmits);
  CHECK(host.fs);
  CHECK(reader.read(true, buffer).tcp.inuse == 8);
}

TEST_CASE("the links tell the hardware's counters where its indexes are our own namespace's") {
  FileTree tree;
  make_host(tree);
  tree.write("sys/class/net/eth0/ifindex", "4\n");
  tree.directory("proc/self/net");
  // One inode, as one namespace has.
  std::filesystem::create_hard_link(tree.path("proc/1/net/dev"), tree.path("proc/self/net/dev"));
  ReadBuffer buffer;
  std::vector<std::int32_t> asked;
  bool told = true;
  auto const links = [&](std::span<std::int32_t const> indexes) -> std::optional<NetCounters> {
    asked.assign(indexes.begin(), indexes.end());
    if (!told) return std::nullopt;
    NetCounters counters;
    counters.rx_bytes = 1234;
    return counters;
  };
  auto reader = reader_of(tree);
  CHECK(reader.read(true, buffer, links).net->rx_bytes == 1000);  // the file, at the slow pace
  CHECK(asked.empty());
  CHECK(reader.read(false, buffer, links).net->rx_bytes == 1234);
  CHECK(asked == std::vector<std::int32_t>{4});
  told = false;
  CHECK(reader.read(false, buffer, links).net->rx_bytes == 1234);  // never falls
  asked.clear();
  SECTION("another namespace") {
    tree.remove("proc/self/net/dev");
    tree.write("proc/self/net/dev", "");
  }
  SECTION("an interface without an index") { tree.remove("sys/class/net/eth0/ifindex"); }
  (void)reader.read(true, buffer, links);
  (void)reader.read(false, buffer, links);
  CHECK(asked.empty());
}

TEST_CASE("idle time never runs backwards, though kernels let it") {
  FileTree tree;
  make_host(tree);
  auto reader = reader_of(tree);
  ReadBuffer buffer;
  auto const before = reader.read(true, buffer).cpu->idle;
  tree.write("proc/stat", "cpu  6171 29 5565 180860 484 3 234 11 5 0\n");
  CHECK(reader.read(false, buffer).cpu->idle == before);
}

TEST_CASE("a network card that is taken out does not make the host's traffic start anew") {
  FileTree tree;
  make_host(tree);
  auto reader = reader_of(tree);
  ReadBuffer buffer;
  CHECK(reader.read(true, buffer).net->rx_bytes == 1000);
  tree.write("proc/1/net/dev", std::string(net_heading) + "lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
  CHECK(reader.read(false, buffer).net->rx_bytes == 1000);
}

TEST_CASE("where no interface is hardware all but the loopback count") {
  FileTree tree;
  make_host(tree);
  tree.remove("sys/class/net");
  auto reader = reader_of(tree);
  ReadBuffer buffer;
  CHECK(reader.read(true, buffer).net->rx_bytes == 1007);
}

TEST_CASE("an empty /proc gives no figures and no failure") {
  FileTree tree;
  auto reader = reader_of(tree);
  ReadBuffer buffer;
  auto const host = reader.read(true, buffer);
  CHECK_FALSE(host.cpu);
  CHECK_FALSE(host.cpu_count);
  CHECK_FALSE(host.load_1m);
  CHECK_FALSE(host.mem_total);
  CHECK_FALSE(host.mem_used);
  CHECK_FALSE(host.disk);
  CHECK_FALSE(host.net);
  CHECK_FALSE(host.fd_used);
}

TEST_CASE("memory in use is estimated where the kernel does not say what is available") {
  FileTree tree;
  make_host(tree);
  tree.write("proc/meminfo",
             "MemTotal: 1000 kB\nMemFree: 300 kB\nBuffers: 10 kB\nCached: 200 kB\n"
             "SReclaimable: 40 kB\n");
  auto reader = reader_of(tree);
  ReadBuffer buffer;
  auto const host = reader.read(true, buffer);
  CHECK_FALSE(host.mem_available);
  CHECK(host.mem_used == 450 * 1024);
}
