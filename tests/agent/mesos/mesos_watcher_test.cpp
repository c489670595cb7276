#include "agent/mesos/mesos_watcher.hpp"

#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>

#include "tests/agent/mesos/documents.hpp"
#include "tests/common/http/raw_peer.hpp"
#include "tests/common/http/run_until.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;
using namespace std::chrono_literals;

namespace {

// A Mesos agent that answers what the test says, and counts.
struct FakeMesos {
  std::atomic<int> status{200}, asked{0};
  std::atomic<bool> hang{false}, flood{false}, nonsense{false}, no_containers{false};
  RawServer server{[this](int fd) {
    for (;;) {
      auto const head = raw_read_until(fd, "\r\n\r\n");
      if (!head.starts_with("GET /prefix/")) return;
      bool const containers = head.starts_with("GET /prefix/containers?show_nested=true ");
      ++asked;
      if (hang) continue;
      if (flood) {
        raw_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n{");
        continue;
      }
      std::string const body = nonsense ? "<html>" : containers ? mesos_containers : mesos_state;
      int const code = containers && no_containers ? 404 : status.load();
      if (code != 200)
        raw_send(fd, fmt::format("HTTP/1.1 {} No\r\nContent-Length: 0\r\n\r\n", code));
      else
        raw_send(fd,
                 fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
    }
  }};
};

struct Watched {
  explicit Watched(FakeMesos& mesos) {
    MesosOptions options;
    options.url = *http::parse_url(fmt::format("http://127.0.0.1:{}/prefix/", mesos.server.port()));
    options.wanted = {[](std::string_view key) { return key == "owner"; },
                      [](std::string_view) { return false; }};
    options.request_timeout = 200ms;
    watcher.emplace(loop, clock, std::move(options), Log("mesos", LogLevel::none));
  }
  template <typename Condition>
  bool until(Condition condition) {
    return test::run_until(loop, condition);
  }
  test::HandClock clock;
  http::Loop loop;
  std::optional<MesosWatcher> watcher;
};

}  // namespace

TEST_CASE("it is asked where there are strangers, and no oftener than it may be") {
  FakeMesos mesos;
  Watched watched(mesos);
  auto& watcher = *watched.watcher;
  watcher.look(false);
  CHECK((watcher.counters().requests == 0 && !watcher.up() && watcher.expected()));
  watcher.look(true);
  watcher.look(true);  // under way
  REQUIRE(watched.until([&] { return watcher.up(); }));
  CHECK(watcher.snapshot().size() == 6);
  CHECK(watcher.cgroups_root() == "/mesos");
  CHECK((watcher.counters().requests == 2 && mesos.asked == 2));
  watcher.look(true);  // a second has not passed
  watched.clock.advance(1s);
  watcher.look(false);  // a minute has not
  CHECK(watcher.counters().requests == 2);
  watcher.look(true);
  CHECK(watched.until([&] { return watcher.up() && mesos.asked == 4; }));
  // Where the answer has no name either, less and less often.
  for (int i = 0; i < 10; ++i) {
    watched.clock.advance(500ms);
    watcher.look(true);
    CHECK(watched.until([&] {
      auto const requests = static_cast<int>(watcher.counters().requests);
      return requests % 2 == 0 && mesos.asked == requests;
    }));
  }
  CHECK(mesos.asked <= 4 + 2 * 3);
  auto const before = watcher.counters().requests;
  REQUIRE(watched.until([&] {
    watched.clock.advance(61s);
    watcher.look(false);
    return watcher.counters().requests > before;
  }));
}

TEST_CASE("while it gives no answer of use the names stay, and it is tried again") {
  FakeMesos mesos;
  Watched watched(mesos);
  auto& watcher = *watched.watcher;
  watcher.look(true);
  REQUIRE(watched.until([&] { return watcher.up(); }));
  SECTION("refused") { mesos.status = 401; }
  SECTION("hung") { mesos.hang = true; }
  SECTION("a gigabyte") { mesos.flood = true; }
  SECTION("nonsense") { mesos.nonsense = true; }
  watched.clock.advance(2s);
  watcher.look(true);
  REQUIRE(watched.until([&] { return watcher.trouble().has_value(); }));
  CHECK((!watcher.up() && !watcher.expected() && watcher.counters().failures == 1));
  CHECK(watcher.snapshot().size() == 6);
  if (mesos.status == 401) CHECK(watcher.trouble()->code == Errc::denied);
  if (mesos.nonsense) CHECK(watcher.counters().malformed == 1);
  mesos.status = 200;
  mesos.hang = mesos.flood = mesos.nonsense = false;
  auto const before = watcher.counters().requests;
  watcher.look(true);  // not yet
  CHECK(watcher.counters().requests == before);
  watched.clock.advance(1s);
  watcher.look(true);
  CHECK(watched.until([&] { return watcher.up(); }));
}

TEST_CASE("an agent without /containers names what /state tells") {
  FakeMesos mesos;
  mesos.no_containers = true;
  Watched watched(mesos);
  watched.watcher->look(true);
  REQUIRE(watched.until([&] { return watched.watcher->up(); }));
  CHECK(watched.watcher->snapshot().size() == 5);
}
