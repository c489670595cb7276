#include "agent/net/net_reader.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "tests/agent/file_tree.hpp"
#include "tests/agent/net/route_answers.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

constexpr std::string_view heading = "Inter-| Receive | Transmit\n face |bytes ...\n";
std::string const id = "fad130c3cfe3cae4d6a6c368b4ea6ba28c798f4d70ee80d0841629aeaf06063d";

void make_process(FileTree const& tree, std::string const& pid, std::string const& interfaces) {
  tree.write("proc/" + pid + "/cgroup", "4:memory:/docker/" + id + "\n0::/docker/" + id + "\n");
  tree.write("proc/" + pid + "/net/dev", std::string(heading) + interfaces);
  tree.write("proc/" + pid + "/net/sockstat", "TCP: inuse 2 orphan 0 tw 5 alloc 4 mem 1\n");
  tree.write("proc/" + pid + "/net/snmp", "Tcp: RetransSegs\nTcp: 9\n");
}

}  // namespace

TEST_CASE("a container's network figures come from its process") {
  FileTree tree;
  make_process(tree, "77",
               "lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
               "eth0: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n");
  ReadBuffer buffer;
  auto reader = NetReader::open(tree.path("proc"), 77, id, buffer);
  REQUIRE(reader);
  auto const reading = reader->read(true, buffer);
  REQUIRE(reading);
  CHECK(reading->counters.rx_bytes == 1000);
  CHECK(reading->counters.tx_bytes == 500);
  CHECK(reading->name_space != 0);
  CHECK(reading->tcp.inuse == 2);
  CHECK(reading->tcp.time_wait == 5);
  CHECK(reading->tcp.retransmits == 9);
  CHECK_FALSE(reading->tcp.listen_drops);
  CHECK_FALSE(reader->read(false, buffer)->tcp.inuse);
}

TEST_CASE("a process number that is another's by now is refused") {
  FileTree tree;
  make_process(tree, "77", "");
  tree.write("proc/77/cgroup", "0::/system.slice/cron.service\n");
  ReadBuffer buffer;
  auto reader = NetReader::open(tree.path("proc"), 77, id, buffer);
  REQUIRE_FALSE(reader);
  CHECK(reader.error().code == Errc::conflict);
  CHECK(NetReader::open(tree.path("proc"), 78, id, buffer).error().code == Errc::gone);
}

TEST_CASE("processes that share a namespace show the same one, others another") {
  FileTree tree;
  make_process(tree, "77", "");
  make_process(tree, "78", "");
  make_process(tree, "79", "");
  // Hard links have one inode, as net/dev of one namespace has.
  tree.remove("proc/78/net/dev");
  std::filesystem::create_hard_link(tree.path("proc/77/net/dev"), tree.path("proc/78/net/dev"));
  ReadBuffer buffer;
  auto const name_space = [&](int pid) {
    auto reader = NetReader::open(tree.path("proc"), pid, id, buffer);
    REQUIRE(reader);
    return reader->read(false, buffer)->name_space;
  };
  CHECK(name_space(77) == name_space(78));
  CHECK(name_space(77) != name_space(79));
  CHECK(host_name_space(tree.path("proc")) == 0);
  std::filesystem::create_directories(tree.path("proc/1/net"));
  std::filesystem::create_hard_link(tree.path("proc/79/net/dev"), tree.path("proc/1/net/dev"));
  CHECK(host_name_space(tree.path("proc")) == name_space(79));
  // Of a process in the host's nothing else is told.
  auto reader = NetReader::open(tree.path("proc"), 79, id, buffer);
  REQUIRE(reader);
  auto const reading = reader->read(true, buffer, nullptr, name_space(79));
  REQUIRE(reading);
  CHECK(reading->name_space == name_space(79));
  CHECK_FALSE(reading->tcp.inuse);
  CHECK(reader->read(true, buffer, nullptr, name_space(77))->tcp.inuse == 2);
}

TEST_CASE("a text that is no net/dev is malformed") {
  FileTree tree;
  make_process(tree, "77", "eth0: 1 2\n");
  ReadBuffer buffer;
  auto reader = NetReader::open(tree.path("proc"), 77, id, buffer);
  REQUIRE(reader);
  auto const reading = reader->read(false, buffer);
  REQUIRE_FALSE(reading);
  CHECK(reading.error().code == Errc::malformed);
}

TEST_CASE("a process that ended gives no more figures, and nothing keeps its namespace alive") {
  pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  ReadBuffer buffer;
  auto reader = NetReader::open("/proc", child, "/", buffer);
  bool const read = reader && reader->read(true, buffer);
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  REQUIRE(reader);
  CHECK(read);
  auto const after = reader->read(false, buffer);
  REQUIRE_FALSE(after);
  CHECK(after.error().code == Errc::gone);
}

namespace {

// Process 77 in a namespace of one interface, whose other end is link 10 of the host.
struct Mirrored {
  Mirrored() {
    file(1000, 500);
    kernel.answer(test::link(10, 2, 5), test::done());
    auto opened = NetReader::open(tree.path("proc"), 77, id, buffer);
    REQUIRE(opened);
    reader.emplace(std::move(*opened));
  }
  void file(int rx, int tx, std::string const& others = "") {
    make_process(tree, "77",
                 "eth0: " + std::to_string(rx) + " " + std::to_string(rx / 100) + " 0 3 0 0 0 0 " +
                     std::to_string(tx) + " " + std::to_string(tx / 100) + " 0 0 0 0 0 0\n" +
                     others);
  }
  // A tick: what the host's end has sent and received by then. The first asks for the namespace
  // too.
  NetReading tick(std::uint64_t sent, std::uint64_t received, bool asks = false, bool slow = false,
                  std::uint64_t drops = 0) {
    kernel.answer(test::counters(10, received, sent, drops), test::done());
    if (asks) kernel.answer(test::name_space(5));
    links.begin_tick();
    auto const reading = reader->read(slow, buffer, &links);
    REQUIRE(reading);
    return *reading;
  }
  FileTree tree;
  ReadBuffer buffer;
  test::RouteAnswers kernel;
  HostLinks links{kernel.opener()};
  std::optional<NetReader> reader;
};

}  // namespace

TEST_CASE("after one look at its file the host's ends tell a container's bytes and packets") {
  Mirrored container;
  CHECK_FALSE(container.tick(900, 500, true).from_links);
  auto const space = container.tick(1000, 500).name_space;
  container.tree.remove("proc/77/net/dev");
  auto const reading = container.tick(1700, 600);
  CHECK(reading.from_links);
  CHECK(reading.counters.rx_bytes == 1700);
  CHECK(reading.counters.rx_packets == 17);
  CHECK(reading.counters.tx_bytes == 600);
  CHECK(reading.counters.tx_packets == 6);
  CHECK(reading.counters.rx_drops == 3);  // as the file showed
  CHECK(reading.name_space == space);
  CHECK(space != 0);
}

TEST_CASE("the slow pace reads the file again") {
  Mirrored container;
  container.tick(1000, 500, true);
  container.file(1300, 600);
  auto const reading = container.tick(1200, 600, true, true);
  CHECK_FALSE(reading.from_links);
  CHECK(reading.counters.rx_bytes == 1300);
  CHECK(reading.tcp.inuse == 2);
  CHECK(container.tick(1400, 600).counters.rx_bytes == 1400);
}

TEST_CASE("a drop at the host's end has the file read again in the same tick") {
  Mirrored container;
  container.tick(1000, 500, true);
  container.file(1200, 500);
  CHECK(container.tick(1100, 500).from_links);
  auto const reading = container.tick(1200, 500, true, false, 1);
  CHECK_FALSE(reading.from_links);
  CHECK(reading.counters.rx_bytes == 1200);
  CHECK(container.tick(1300, 500, false, false, 1).from_links);
}

TEST_CASE("ends that are not all of a namespace's interfaces, or count otherwise, are not asked") {
  Mirrored container;
  std::uint64_t sent = 1000, later = 1400;
  SECTION("a tunnel made inside, a macvlan") {
    container.file(1000, 500, "tun0: 50 1 0 0 0 0 0 0 60 1 0 0 0 0 0 0\n");
  }
  SECTION("none of them") { container.file(0, 0); }
  SECTION("the end has sent more than ever arrived") { sent = 1001; }
  SECTION("the end shows less than the file has shown") { later = 999; }
  container.tick(sent, 500, true);
  container.file(1200, 500);
  auto const reading = container.tick(later, 500, later < sent);
  bool const refuted = later < sent;
  CHECK_FALSE(reading.from_links);
  CHECK(reading.counters.rx_bytes == 1200);
  if (!refuted) return;
  // And not another time, though it fits by now.
  CHECK_FALSE(container.tick(1200, 500).from_links);
  CHECK_FALSE(container.tick(1200, 500).from_links);
}
