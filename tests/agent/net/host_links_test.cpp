#include "agent/net/host_links.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/agent/net/recorded_links.hpp"
#include "tests/agent/net/route_answers.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

namespace {

constexpr int any_process = 77;

// A host whose one container has the links 10 and 11.
struct OneContainer {
  OneContainer() {
    answer_links();
    answer_counters(1000, 200);
    kernel.answer(name_space(5));
    links.begin_tick();
    auto const told = links.ends_of(any_process);
    REQUIRE(told);
    ends = *told;
    kernel.asked();
  }
  void answer_links() {
    kernel.answer(link(1, 0, {}, "") + link(10, 2, 5) + link(11, 4, 5) + link(12, 2, 6, "macvlan"),
                  done());
  }
  void answer_counters(std::uint64_t rx, std::uint64_t tx) {
    kernel.answer(
        counters(1, 9, 9) + counters(10, rx, tx) + counters(11, 300, 400) + counters(12, 7, 7),
        done());
  }
  RouteAnswers kernel;
  HostLinks links{kernel.opener()};
  HostLinks::Ends ends;
};

}  // namespace

TEST_CASE("a recorded host tells of both containers what their own files told") {
  RouteAnswers kernel;
  kernel.answer(recorded("links"));
  kernel.answer(recorded("counters"));
  kernel.answer(recorded("name_space_a"));
  kernel.answer(recorded("name_space_b"));
  HostLinks links(kernel.opener());
  links.begin_tick();
  std::size_t interfaces = 2;
  for (auto const* file : {"dev_a", "dev_b"}) {
    auto const truth = sum_net_dev(recorded(file));
    auto const ends = links.ends_of(any_process);
    REQUIRE((truth && ends));
    CHECK(ends->count == interfaces--);
    auto const told = links.counters(*ends);
    REQUIRE(told);
    CHECK(told->rx_bytes == truth->rx_bytes);
    CHECK(told->rx_packets == truth->rx_packets);
    CHECK(told->tx_bytes == truth->tx_bytes);
    CHECK(told->tx_packets == truth->tx_packets);
  }
  CHECK(kernel.asked() == "links counters space space ");
  CHECK(links.failures() == 0);
}

TEST_CASE("a tick without a changed link asks for counters alone") {
  OneContainer host;
  host.answer_counters(1600, 250);
  host.links.begin_tick();
  CHECK(host.kernel.asked() == "counters ");
  auto const told = host.links.counters(host.ends);
  REQUIRE(told);
  CHECK(told->tx_bytes == 1600 + 300);  // what the host's ends received
  CHECK(told->rx_bytes == 250 + 400);
  CHECK(told->tx_packets == 16 + 3);
  CHECK(host.links.dumps() == 2);
}

TEST_CASE("links of our own namespace are told as they count, from the next dump on") {
  OneContainer host;
  std::vector<std::int32_t> const own{1, 12};
  CHECK_FALSE(host.links.own_counters(own));
  host.answer_counters(1600, 250);
  host.links.begin_tick();
  auto const told = host.links.own_counters(own);
  REQUIRE(told);
  CHECK(told->rx_bytes == 9 + 7);
  host.kernel.answer(counters(1, 700, 80) + counters(10, 1, 1) + counters(11, 1, 1), done());
  host.links.begin_tick();
  CHECK_FALSE(host.links.own_counters(own));  // one has gone
  auto const left = host.links.own_counters(std::vector<std::int32_t>{1});
  REQUIRE(left);
  CHECK(left->rx_bytes == 700);
  CHECK(left->tx_bytes == 80);
}

TEST_CASE("another container's links change nothing for this one") {
  OneContainer host;
  host.kernel.tell(link(20, 2, 7));
  host.kernel.answer(link(10, 2, 5) + link(11, 4, 5) + link(20, 2, 7), done());
  host.kernel.answer(counters(10, 1, 2) + counters(11, 3, 4) + counters(20, 5, 6), done());
  host.kernel.answer(name_space(7));
  host.links.begin_tick();
  CHECK(host.kernel.asked() == "links counters ");
  CHECK(host.links.counters(host.ends)->tx_bytes == 4);
  CHECK(host.links.counters(*host.links.ends_of(any_process))->tx_bytes == 5);
}

TEST_CASE("what a bridge tells of its ports changes no link") {
  OneContainer host;
  host.kernel.tell(link(20, 2, {}, "", RTM_DELLINK, AF_BRIDGE));
  host.kernel.tell(link(10, 2, {}, "", RTM_NEWLINK, AF_BRIDGE));
  host.answer_counters(1600, 250);
  host.links.begin_tick();
  CHECK(host.kernel.asked() == "counters ");
  CHECK(host.links.counters(host.ends));
}

TEST_CASE("ends that changed are told no more under what was known of them") {
  OneContainer host;
  SECTION("a link came: docker network connect") {
    host.kernel.tell(link(12, 6, 5));
    host.kernel.answer(link(10, 2, 5) + link(11, 4, 5) + link(12, 6, 5), done());
  }
  SECTION("a link went") {
    host.kernel.tell(link(11, 4, 5, "veth", RTM_DELLINK));
    host.kernel.answer(link(10, 2, 5), done());
  }
  SECTION("a link went and another of its number came") {
    host.kernel.tell(link(11, 4, 5, "veth", RTM_DELLINK));
    host.kernel.tell(link(11, 4, 5));
    host.kernel.answer(link(10, 2, 5) + link(11, 4, 5), done());
  }
  SECTION("a link's other end is another") {
    host.kernel.tell(link(11, 8, 5));
    host.kernel.answer(link(10, 2, 5) + link(11, 8, 5), done());
  }
  SECTION("the number is another namespace's") {
    host.kernel.tell(link(10, 2, 5, "veth", RTM_DELLINK));
    host.kernel.answer(link(30, 2, 5) + link(31, 4, 5), done());
  }
  SECTION("a link without a veth went into some namespace") {
    host.kernel.tell(link(12, 2, {}, "macvlan", RTM_DELLINK));
    host.kernel.answer(link(10, 2, 5) + link(11, 4, 5), done());
  }
  host.kernel.answer(counters(10, 1, 2) + counters(11, 3, 4) + counters(12, 5, 6) +
                         counters(30, 1, 1) + counters(31, 1, 1),
                     done());
  host.kernel.answer(name_space(5));
  host.links.begin_tick();
  CHECK_FALSE(host.links.counters(host.ends));
  auto const now = host.links.ends_of(any_process);
  REQUIRE(now);
  CHECK(now->version != host.ends.version);
  CHECK(host.links.counters(*now));
}

TEST_CASE("a namespace without links is known to have none until any link changes") {
  OneContainer host;
  host.answer_counters(1, 1);
  host.links.begin_tick();
  host.kernel.answer(name_space(-1));
  auto const none = host.links.ends_of(any_process);
  REQUIRE(none);
  CHECK(none->count == 0);
  CHECK(host.links.counters(*none)->rx_bytes == 0);
  host.kernel.tell(link(40, 2, 8));
  host.answer_links();
  host.answer_counters(1, 1);
  host.links.begin_tick();
  CHECK_FALSE(host.links.counters(*none));
  CHECK(host.links.counters(host.ends));
}

TEST_CASE("a dump that links change in is asked for again, and given up after three times") {
  OneContainer host;
  auto const half = interrupted(counters(10, 5000, 1)), end = done();
  host.kernel.answer(half, end);
  host.answer_counters(1600, 250);
  host.links.begin_tick();
  REQUIRE(host.links.counters(host.ends));
  CHECK(host.links.counters(host.ends)->tx_bytes == 1900);  // nothing of the first attempt in it
  CHECK(host.links.failures() == 0);
  for (int i = 0; i < 3; ++i) host.kernel.answer(half, end);
  host.links.begin_tick();
  CHECK_FALSE(host.links.counters(host.ends));
  CHECK_FALSE(host.links.ends_of(any_process));
  CHECK(host.links.failures() == 1);
  host.answer_links();
  host.answer_counters(1700, 250);
  host.links.begin_tick();
  host.kernel.answer(name_space(5));
  CHECK(host.links.counters(*host.links.ends_of(any_process))->tx_bytes == 2000);
  CHECK(host.kernel.opened == 2);
}

TEST_CASE("a dump in which one of the ends is missing or stands twice tells nothing of it") {
  OneContainer host;
  host.kernel.answer(counters(10, 1600, 250), done());
  host.links.begin_tick();
  CHECK_FALSE(host.links.counters(host.ends));
  CHECK(host.links.failures() == 0);
  host.kernel.answer(counters(10, 1600, 250) + counters(10, 1600, 250), done());
  host.links.begin_tick();
  CHECK_FALSE(host.links.counters(host.ends));
  CHECK(host.links.failures() == 1);
}

TEST_CASE("a counters' dump that is cut anywhere tells nothing, and new sockets are opened") {
  auto const whole = counters(10, 1600, 250) + counters(11, 300, 400) + done();
  std::size_t told = 0;
  for (std::size_t length = 1; length < whole.size(); ++length) {
    OneContainer host;
    host.kernel.answer(whole.substr(0, length));
    host.links.begin_tick();
    told += host.links.counters(host.ends).has_value() ? 1 : 0;
    CHECK(host.links.failures() == 1);
    host.kernel.prepare();
    host.answer_links();
    host.answer_counters(1600, 250);
    host.kernel.answer(name_space(5));
    host.links.begin_tick();
    CHECK(host.kernel.opened == 4);
    auto const again = host.links.ends_of(any_process);
    REQUIRE(again);
    CHECK(again->version != host.ends.version);
    told += host.links.counters(*again)->tx_bytes == 1900 ? 0 : 1;
  }
  CHECK(told == 0);
}

TEST_CASE("a kernel that cannot say, or a sandbox that refuses, is asked once") {
  RouteAnswers kernel;
  SECTION("no such statistics") {
    kernel.answer(link(10, 2, 5), done());
    kernel.answer(refusal(EOPNOTSUPP));
  }
  SECTION("no such sockets") { kernel.refuse = true; }
  HostLinks links(kernel.opener());
  links.begin_tick();
  CHECK_FALSE(links.ends_of(any_process));
  int const opened = kernel.opened;
  links.begin_tick();
  links.begin_tick();
  CHECK_FALSE(links.ends_of(any_process));
  CHECK(kernel.opened == opened);
}

TEST_CASE("a process that has ended has no ends, and other processes still have") {
  OneContainer host;
  host.answer_counters(1, 1);
  host.links.begin_tick();
  host.kernel.answer(refusal(ESRCH));
  CHECK_FALSE(host.links.ends_of(any_process));
  host.kernel.answer(name_space(5));
  CHECK(host.links.ends_of(any_process)->version == host.ends.version);
}

TEST_CASE("when the kernel's notices end all is asked anew") {
  OneContainer host;
  host.kernel.hang_up();
  host.links.begin_tick();
  CHECK_FALSE(host.links.counters(host.ends));
  host.kernel.prepare();
  host.answer_links();
  host.answer_counters(1, 1);
  host.links.begin_tick();
  CHECK_FALSE(host.links.counters(host.ends));
  host.kernel.answer(name_space(5));
  CHECK(host.links.counters(*host.links.ends_of(any_process)));
}

TEST_CASE("this kernel answers, where processes' numbers are our own") {
  CHECK(HostLinks::usable("/proc"));
  CHECK_FALSE(HostLinks::usable("/nonexistent"));
  HostLinks links;
  links.begin_tick();
  CHECK(links.failures() == 0);
  CHECK(links.version() > 0);
}
