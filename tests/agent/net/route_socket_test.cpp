#include "agent/net/route_socket.hpp"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "agent/net/link_message.hpp"
#include "tests/agent/net/route_answers.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

namespace {

// The indexes of an answer to a dump of links, or why there is none.
struct Dump {
  explicit Dump(RouteSocket& socket) {
    auto const done = socket.ask(ask_links(), [this](NetlinkMessage const& message) {
      auto const link = scan_link(message.body);
      if (link) indexes.push_back(link->index);
      return link.has_value();
    });
    if (!done) error = done.error();
  }
  std::vector<int> indexes;
  std::optional<Error> error;
};

RouteSocket asking(RouteAnswers& kernel) { return std::move(*kernel.opener()(0)); }

}  // namespace

TEST_CASE("an answer in several datagrams is one") {
  RouteAnswers kernel;
  auto socket = asking(kernel);
  kernel.answer(link(1, 0, {}) + link(2, 0, {}), link(3, 0, {}), done());
  Dump const dump(socket);
  CHECK_FALSE(dump.error);
  CHECK(dump.indexes == std::vector{1, 2, 3});
}

TEST_CASE("what is left of an answer that nobody read is no part of the next") {
  RouteAnswers kernel;
  auto socket = asking(kernel);
  kernel.answer(link(1, 0, {}) + "short");
  Dump const broken(socket);
  REQUIRE(broken.error);
  CHECK(broken.error->code == Errc::malformed);
  kernel.tell("");  // another socket's
  kernel.answer(link(2, 0, {}), done());
  CHECK(Dump(socket).indexes == std::vector{2});
}

TEST_CASE("an answer without its end, refused or interrupted is none") {
  RouteAnswers kernel;
  auto socket = asking(kernel);
  kernel.answer(link(1, 0, {}));
  CHECK(Dump(socket).error->code == Errc::timeout);
  kernel.answer(refusal(EOPNOTSUPP));
  CHECK(Dump(socket).error->code == Errc::unsupported);
  kernel.answer(link(1, 0, {}), message(NLMSG_DONE, NLM_F_MULTI, bytes_of(-EPERM)));
  CHECK(Dump(socket).error->code == Errc::denied);
  kernel.answer(interrupted(link(1, 0, {})), done());
  CHECK(Dump(socket).error->code == Errc::conflict);
  kernel.answer(link(1, 0, {}), interrupted(done()));
  CHECK(Dump(socket).error->code == Errc::conflict);
  kernel.answer(message(NLMSG_OVERRUN, NLM_F_MULTI, ""));
  CHECK(Dump(socket).error->code == Errc::malformed);
  kernel.answer(link(1, 0, {}), done());
  CHECK_FALSE(Dump(socket).error);
}

TEST_CASE("a datagram longer than the buffer is not taken for a whole one") {
  RouteAnswers kernel;
  auto socket = asking(kernel);
  std::string links;
  for (int index = 1; links.size() <= 64 << 10; ++index) links += link(index, 0, {});
  kernel.answer(links + done());
  CHECK(Dump(socket).error->code == Errc::malformed);
}

TEST_CASE("the kernel answers anyone, and says when it had more to tell than there was room for") {
  // In a namespace of its own whose loopback goes up and down.
  pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::unshare(::getuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0) ::_exit(77);
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    int const least = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
    RouteSocket hearing(std::move(fd));
    auto const take = [](NetlinkMessage const& one) { return scan_link(one.body).has_value(); };
    auto const quiet = hearing.told(take);
    Fd const control(::socket(AF_INET, SOCK_DGRAM, 0));
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    for (int i = 0; i < 200; ++i) {
      loopback.ifr_flags = i % 2 == 0 ? IFF_UP : 0;
      if (::ioctl(control.get(), SIOCSIFFLAGS, &loopback) != 0) ::_exit(77);
    }
    auto const lost = hearing.told(take);
    auto const rest = hearing.told(take);
    auto asking = RouteSocket::open(0);
    if (!asking) ::_exit(2);
    Dump const dump(*asking);
    bool const good = quiet && *quiet == 0 && !lost && lost.error().code == Errc::unavailable &&
                      rest && *rest > 0 && !dump.error && dump.indexes.at(0) == 1;
    ::_exit(good ? 0 : 3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77)
    WARN("no network namespace may be made here");
  else
    CHECK(WEXITSTATUS(status) == 0);
}
