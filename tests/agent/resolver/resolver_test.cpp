#include "agent/resolver/resolver.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/agent/resolver/resolver_world.hpp"
#include "tests/common/http/raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

TEST_CASE("an agent follows what the resolver's watchers tell") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) {
    source.run("a").labels = {{"owner", "me"}};
    source.told.docker.asked = source.told.docker.up = true;
    source.told.docker.counters.starts = 7;
    source.told.namespaces = {"default"};
  };
  world.start("one");
  std::string updated;
  auto const agent = world.agent([&](std::string const& id) { updated += id; });
  CHECK_FALSE(agent->settled());
  CHECK_FALSE(agent->report().docker.up);
  REQUIRE(world.until_up(*agent));
  CHECK(agent->settled());
  CHECK(ids(*agent) == "a");
  CHECK(agent->snapshot()[0] == world.source().containers["a"]);
  CHECK(agent->report().docker.up);
  CHECK(agent->report().docker.counters.starts == 7);
  CHECK(agent->report().namespaces == std::vector<std::string>{"default"});
  CHECK(updated.empty());

  world.source().run("b");
  world.source().exit("a", 3);
  world.source().containers.erase("a");
  world.updated("b");
  CHECK(world.until([&] { return ids(*agent) == "b" && updated == "b"; }));
  CHECK(codes(agent->take_events()) == "3");
  CHECK(agent->take_events().empty());
  world.source().told.docker.up = false;
  world.changed();
  CHECK(world.until([&] { return !agent->report().docker.up; }));
  CHECK(agent->up());
  CHECK(agent->counters().failures == 0);
}

TEST_CASE("what is held back is looked for again without being told of") {
  ResolverWorld world;
  world.start("one");
  auto const agent = world.agent();
  REQUIRE(world.until_up(*agent));
  world.source().run("late");
  CHECK(world.until([&] { return ids(*agent) == "late"; }));
}

TEST_CASE("an agent that begins anew is told what the one before did not keep, and no more") {
  ResolverWorld world;
  world.start("one");
  auto first = world.agent();
  REQUIRE(world.until_up(*first));
  world.source().run("a");
  world.source().exit("a", 1);
  world.changed();
  REQUIRE(world.until([&] { return ids(*first) == "a"; }));
  CHECK(codes(first->take_events()) == "1");
  first->events_kept();
  world.source().exit("a", 2);
  world.changed();
  std::vector<RuntimeEvent> taken;
  REQUIRE(world.until([&] {
    for (auto& event : first->take_events()) taken.push_back(std::move(event));
    return taken.size() == 1;
  }));
  // The second one was taken, but the agent died before it was anywhere safe.
  first.reset();
  world.source().exit("a", 3);  // while there is none
  world.changed();
  auto const second = world.agent();
  REQUIRE(world.until_up(*second));
  taken.clear();
  REQUIRE(world.until([&] {
    for (auto& event : second->take_events()) taken.push_back(std::move(event));
    return taken.size() == 2;
  }));
  CHECK(codes(taken) == "2 3");
  second->events_kept();
  // Once that has come to the resolver.
  bool none = false;
  for (int attempt = 0; attempt < 200 && !none; ++attempt) {
    auto const third = world.agent();
    REQUIRE(world.until_up(*third));
    none = third->take_events().empty();
  }
  CHECK(none);
}

TEST_CASE("a broken connection doubles no event, and limits are read again") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) { source.run("a"); };
  world.start("one");
  std::string updated;
  auto const agent = world.agent([&](std::string const& id) { updated += id; });
  REQUIRE(world.until_up(*agent));
  world.source().exit("a", 1);
  world.changed();
  REQUIRE(world.until([&] { return agent->report().docker.counters.starts == 0 && agent->up(); }));
  std::string told;
  REQUIRE(world.until([&] { return !(told = codes(agent->take_events())).empty(); }));
  // Not kept yet: the same run tells it again to whoever connects, but not to us.
  auto const other = world.agent();
  REQUIRE(world.until_up(*other));
  CHECK(codes(other->take_events()) == "1");
  CHECK(updated.empty());
  CHECK(codes(agent->take_events()).empty());
}

TEST_CASE("a resolver that went leaves the snapshot, and its successor's numbers are its own") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) {
    source.run("a");
    source.told.docker.up = true;
  };
  world.start("one");
  std::string updated;
  auto const agent = world.agent([&](std::string const& id) { updated += id; });
  REQUIRE(world.until_up(*agent));
  for (int code : {1, 2, 3}) world.source().exit("a", code);
  world.changed();
  std::vector<RuntimeEvent> taken;
  REQUIRE(world.until([&] {
    for (auto& event : agent->take_events()) taken.push_back(std::move(event));
    return taken.size() == 3;
  }));
  world.stop();
  REQUIRE(world.until([&] { return !agent->up() && agent->counters().failures > 0; }));
  CHECK(ids(*agent) == "a");
  CHECK_FALSE(agent->report().docker.up);
  CHECK(agent->trouble());
  agent->events_kept();  // to nobody

  world.prepare = [](FakeSource& source) {
    source.run("b");
    source.told.docker.up = true;
    source.exit("b", 9);
  };
  world.start("two");
  REQUIRE(world.until_up(*agent, 2));
  CHECK(ids(*agent) == "b");
  CHECK(updated == "b");
  CHECK(codes(agent->take_events()) == "9");
  CHECK(agent->report().docker.up);
  CHECK_FALSE(agent->trouble());
}

TEST_CASE("the word that memory was the reason may come behind the exit") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) { source.run("a"); };
  world.start("one");
  auto const agent = world.agent();
  REQUIRE(world.until_up(*agent));
  world.source().exit("a", 137);
  world.source().exit("a", 137);
  world.source().events.back().container.started_ns = 2;  // another life
  world.source().events.push_back(
      {RuntimeEvent::Kind::oom, world.source().containers["a"], 1, std::nullopt, false});
  world.source().run("mark");
  world.changed();
  REQUIRE(world.until([&] { return ids(*agent) == "a mark"; }));
  CHECK(codes(agent->take_events()) == "137! 137 oom");
}

TEST_CASE("users that are not wanted are hung up on") {
  ResolverWorld world;
  world.start("one", [](std::uint32_t uid) { return uid != ::geteuid(); });
  auto const agent = world.agent();
  CHECK(world.until([&] { return agent->counters().failures >= 2; }));
  CHECK_FALSE(agent->up());
  CHECK(agent->settled());
  REQUIRE(agent->trouble());
  CHECK(agent->trouble()->code == Errc::unavailable);
}

TEST_CASE("peers that are silent, nonsense or another format are harmless") {
  struct Case {
    char const* says;
    Errc code;
    std::uint64_t malformed;
  };
  for (auto const& [says, code, malformed] :
       {Case{"", Errc::timeout, 0}, Case{"nonsense\n", Errc::malformed, 1},
        Case{"{\"container\":{\"id\":\"\"}}\n", Errc::malformed, 1},
        Case{"{\"hello\":{\"format\":2,\"run\":\"x\"}}\n", Errc::unsupported, 1}}) {
    INFO(says);
    RawServer const server(resolver_socket(), [says = std::string(says)](int fd) {
      test::raw_read_until(fd, "\r\n\r\n");
      test::raw_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      if (!says.empty()) test::raw_send(fd, fmt::format("{:x}\r\n{}\r\n", says.size(), says));
      char byte = 0;
      while (::recv(fd, &byte, 1, 0) > 0) {
      }
    });
    ResolverWorld world;
    auto const agent = world.agent({}, code == Errc::timeout ? 30ms : 10s);
    REQUIRE(world.until([&] { return agent->counters().failures > 0; }));
    CHECK(agent->trouble()->code == code);
    CHECK(agent->counters().malformed == malformed);
    CHECK(agent->settled());
    CHECK(ids(*agent).empty());
  }
}

TEST_CASE("there is nothing on the socket but the stream, its thanks and what was missed") {
  ResolverWorld world;
  world.prepare = [](FakeSource& source) { source.run("a"); };
  world.start("one");
  http::Loop loop;  // of the client's own
  std::string answers;
  std::thread peer([&] {
    auto const ask = [&](char const* head) {
      int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      auto const path = resolver_socket();
      std::memcpy(address.sun_path, path.data(), path.size());
      if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
        test::raw_send(fd, std::string(head) + " HTTP/1.1\r\nHost: r\r\nContent-Length: 0\r\n\r\n");
        answers += test::raw_read_until(fd, "\r\n\r\n").substr(9, 3) + " ";
      }
      ::close(fd);
    };
    ask("GET /containers/json");
    ask("POST /v1/stream");
    ask("POST /containers/a/kill");
    ask("GET /v1/taken?run=one&number=1");
    ask("POST /v1/taken?run=one&number=x");
    ask("POST /v1/taken?run=one&number=1");
    ask("POST /v1/missed");
    ask("POST /v1/missed?seen_ns=18446744073709551615");
    ask("POST /v1/missed?seen_ns=1");  // of none
    ask("GET /v1/missed?seen_ns=1");
    ask("GET /v1/stream");
  });
  CHECK(world.until([&] { return answers.size() == 44; }));
  peer.join();
  CHECK(answers == "404 404 404 404 400 204 400 400 204 404 200 ");
}
