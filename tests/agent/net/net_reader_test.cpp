#include "agent/net/net_reader.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "tests/agent/file_tree.hpp"

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
  auto const reader = NetReader::open(tree.path("proc"), 77, id, buffer);
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
  auto const reader = NetReader::open(tree.path("proc"), 77, id, buffer);
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
    auto const reader = NetReader::open(tree.path("proc"), pid, id, buffer);
    REQUIRE(reader);
    return reader->read(false, buffer)->name_space;
  };
  CHECK(name_space(77) == name_space(78));
  CHECK(name_space(77) != name_space(79));
  CHECK(host_name_space(tree.path("proc")) == 0);
  std::filesystem::create_directories(tree.path("proc/1/net"));
  std::filesystem::create_hard_link(tree.path("proc/79/net/dev"), tree.path("proc/1/net/dev"));
  CHECK(host_name_space(tree.path("proc")) == name_space(79));
}

TEST_CASE("a text that is no net/dev is malformed") {
  FileTree tree;
  make_process(tree, "77", "eth0: 1 2\n");
  ReadBuffer buffer;
  auto const reader = NetReader::open(tree.path("proc"), 77, id, buffer);
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
  auto const reader = NetReader::open("/proc", child, "/", buffer);
  bool const read = reader && reader->read(true, buffer);
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  REQUIRE(reader);
  CHECK(read);
  auto const after = reader->read(false, buffer);
  REQUIRE_FALSE(after);
  CHECK(after.error().code == Errc::gone);
}
