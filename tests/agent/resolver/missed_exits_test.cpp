// How those ended that no resolver watched: what the two ends ask and tell of it.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "agent/resolver/resolver.hpp"
#include "tests/agent/resolver/resolver_world.hpp"
#include "tests/common/http/raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

TEST_CASE("a successor is asked how those ended that it does not know to run, once") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) {
    for (auto const* id : {"a", "b", "c", "d"}) source.run(id).labels = {{"owner", "me"}};
    source.told.docker.up = true;
  };
  world.start("one");
  auto const agent = world.agent();
  REQUIRE(world.until_up(*agent));
  // This end was told; those below were not.
  world.source().exit("d", 1);
  world.source().containers["d"].running = false;
  world.changed();
  REQUIRE(world.until([&] { return codes(agent->take_events()) == "1"; }));
  auto const heard = std::chrono::system_clock::now().time_since_epoch();
  world.stop();
  REQUIRE(world.until([&] { return !agent->up(); }));

  std::string events;
  auto const take = [&] {
    for (auto const& event : agent->take_events()) {
      events += fmt::format("{}:{}:{}:{} ", event.container.id, event.container.started_ns,
                            event.container.labels.contains("owner"), event.exit_code.value());
    }
    return events;
  };
  // b runs on, c began again, and a is gone.
  world.prepare = [](FakeSource& source) {
    source.run("b");
    source.run("c").started_ns = 2;
    source.told.docker.up = true;
  };
  world.start("two");
  REQUIRE(world.until([&] { return take().size() >= 2 * std::string("a:1:true:40 ").size(); }));
  CHECK(events == "a:1:true:40 c:1:true:41 ");
  auto const seen = world.source().missed_seen.time_since_epoch();
  CHECK(seen <= std::chrono::system_clock::now().time_since_epoch());
  CHECK(seen >= heard - 5s);
  agent->events_kept();

  // A third one is asked for none of them again.
  world.stop();
  REQUIRE(world.until([&] { return !agent->up(); }));
  world.start("three");
  REQUIRE(world.until_up(*agent, 3));
  world.source().exit("b", 2);
  world.changed();
  events.clear();
  REQUIRE(world.until([&] { return !take().empty(); }));
  CHECK(events == "b:1:false:2 ");
}

TEST_CASE("what a resolver did not come to answer, the next one is asked") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) {
    source.run("a");
    source.told.docker.up = true;
  };
  world.start("one");
  auto const agent = world.agent();
  REQUIRE(world.until_up(*agent));
  world.stop();
  world.prepare = [](FakeSource& source) {
    source.answers_missed = false;
    source.told.docker.up = true;
  };
  world.start("two");
  REQUIRE(world.until([&] { return world.source().missed_seen > WallTime(); }));
  world.stop();
  world.prepare = [](FakeSource& source) { source.told.docker.up = true; };
  world.start("three");
  std::vector<RuntimeEvent> events;
  REQUIRE(world.until([&] {
    events = agent->take_events();
    return !events.empty();
  }));
  CHECK(codes(events) == "40");
  CHECK(events[0].container.id == "a");
}

TEST_CASE("a successor that its runtimes do not answer yet is not asked, and nothing has ended") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) {
    source.run("a");
    source.run("b");
    source.run("x").runtime = "containerd";
    source.told.docker.up = source.told.containerd.up = true;
  };
  world.start("one");
  auto const agent = world.agent();
  REQUIRE(world.until_up(*agent));
  world.stop();
  REQUIRE(world.until([&] { return !agent->up(); }));
  world.prepare = nullptr;
  world.start("two");
  REQUIRE(world.until_up(*agent, 2));
  // It says so several times over.
  world.source().told.namespaces = {"mark"};
  world.changed();
  REQUIRE(world.until([&] { return !agent->report().namespaces.empty(); }));
  CHECK(world.source().missed_seen == WallTime());
  // Docker answers: b runs, a does not. Of containerd nobody knows yet.
  world.source().run("b");
  world.source().told.docker.up = true;
  world.changed();
  std::vector<RuntimeEvent> events;
  auto const take = [&] {
    for (auto& event : agent->take_events()) events.push_back(std::move(event));
    return events.size();
  };
  REQUIRE(world.until([&] { return take() == 1; }));
  CHECK(events[0].container.id == "a");
  world.source().run("x").runtime = "containerd";
  world.source().told.containerd.up = true;
  world.changed();
  REQUIRE(world.until([&] { return agent->report().containerd.up; }));
  world.source().exit("b", 2);
  world.changed();
  REQUIRE(world.until([&] { return take() == 2; }));
  CHECK(events[1].container.id == "b");
}

TEST_CASE("what was missed is told once, whatever states come before the answer") {
  auto const chunk = [](std::string const& text) {
    return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
  };
  auto const hello = [](std::string run) {
    return documents::line_of(documents::Hello{documents::format, std::move(run)});
  };
  Container a;
  a.id = "a";
  a.running = true;
  a.started_ns = 1;
  RuntimeReport report;
  report.docker.up = true;
  auto const state = documents::line_of(report);
  std::atomic<int> streams = 0, told = 0;
  RawServer const server(resolver_socket(), [&](int fd) {
    auto const head = test::raw_read_until(fd, "\r\n\r\n");
    if (head.starts_with("POST /v1/missed")) {
      ++told;
      std::this_thread::sleep_for(50ms);
      test::raw_send(fd, "HTTP/1.1 204 No Content\r\n\r\n");
      if (test::raw_read_until(fd, "\r\n\r\n").starts_with("POST")) ++told;
      return;
    }
    test::raw_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (++streams == 1) {
      test::raw_send(fd, chunk(hello("one") + documents::line_of(a) + state));
      return;
    }
    test::raw_send(fd, chunk(hello("two") + state + state));
    for (int i = 0; i < 5000 && told == 0; ++i) std::this_thread::sleep_for(1ms);
    test::raw_send(fd, chunk(state));
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) > 0) {
    }
  });
  ResolverWorld world;
  auto const agent = world.agent();
  REQUIRE(world.until([&] { return told > 0; }));
  auto const begun = std::chrono::steady_clock::now();
  REQUIRE(world.until([&] { return std::chrono::steady_clock::now() > begun + 300ms; }));
  CHECK(told == 1);
}
