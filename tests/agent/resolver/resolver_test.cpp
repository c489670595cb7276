#include "agent/resolver/resolver.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "agent/names/resolver_client.hpp"
#include "tests/agent/resolver/fake_source.hpp"
#include "tests/common/http/raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;
using test::FakeSource;
using test::RawServer;

namespace {

std::string socket_path() {
  return (std::filesystem::temp_directory_path() /
          fmt::format("dadvisor-resolver-{}.sock", getpid()))
      .string();
}

// A resolver on a source that says what the test wants, agents that follow it, and their loop.
class World {
 public:
  void start(std::string run, std::function<bool(std::uint32_t)> admits = nullptr) {
    ResolverOptions options;
    options.run = std::move(run);
    options.server.socket_path = socket_path();
    options.server.admits = std::move(admits);
    options.least_pause = 1ms;
    options.follow_up = 20ms;
    options.pace = 20ms;
    resolver_.emplace(
        loop_, clock_, std::move(options),
        [this](auto on_update, auto on_change) {
          auto made = std::make_unique<FakeSource>();
          source_ = made.get();
          update_ = std::move(on_update);
          change_ = std::move(on_change);
          if (prepare) prepare(*made);
          return made;
        },
        Log("resolver", LogLevel::none));
  }
  void stop() {
    resolver_.reset();
    source_ = nullptr;
  }
  std::unique_ptr<ResolverClient> agent(std::function<void(std::string const&)> on_update = {},
                                        std::chrono::milliseconds silence = 5s) {
    ResolverClientOptions options;
    options.socket_path = socket_path();
    options.least_pause = 5ms;
    options.most_pause = 20ms;
    options.silence = silence;
    options.on_update = std::move(on_update);
    return std::make_unique<ResolverClient>(loop_, clock_, std::move(options),
                                            Log("r", LogLevel::none));
  }
  template <typename Condition>
  bool until(Condition condition) {
    bool held = false;
    std::function<void()> look = [&] {
      held = condition();
      if (held) return loop_.stop();
      again_ = loop_.after(1ms, look);
    };
    again_ = loop_.after(0ms, look);
    auto const guard = loop_.after(10s, [&] { loop_.stop(); });
    loop_.run();
    again_.cancel();
    return held;
  }
  bool until_up(ResolverClient& client, std::uint64_t times = 1) {
    return until([&] { return client.up() && client.counters().connects >= times; });
  }
  FakeSource& source() { return *source_; }
  void changed() { change_(); }
  void updated(std::string const& id) {
    update_(id);
    change_();
  }
  std::function<void(FakeSource&)> prepare;  // of what each new resolver begins with

 private:
  SystemClock clock_;
  http::Loop loop_;
  FakeSource* source_ = nullptr;
  std::function<void(std::string const&)> update_;
  std::function<void()> change_;
  std::optional<Resolver> resolver_;
  http::Timer again_;
};

// "a b": the ids of a snapshot.
std::string ids(ResolverClient& client) {
  std::string text;
  for (auto const& container : client.snapshot()) text += (text.empty() ? "" : " ") + container.id;
  return text;
}

// "3 137": exit codes of the events, "oom" of a kill's.
std::string codes(std::vector<RuntimeEvent> const& events) {
  std::string text;
  for (auto const& event : events)
    text += (text.empty() ? "" : " ") +
            (event.exit_code ? std::to_string(*event.exit_code) : std::string("oom")) +
            (event.oom_killed ? "!" : "");
  return text;
}

}  // namespace

TEST_CASE("an agent follows what the resolver's watchers tell") {
  World world;
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
  World world;
  world.start("one");
  auto const agent = world.agent();
  REQUIRE(world.until_up(*agent));
  world.source().run("late");
  CHECK(world.until([&] { return ids(*agent) == "late"; }));
}

TEST_CASE("an agent that begins anew is told what the one before did not keep, and no more") {
  World world;
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
  World world;
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
  World world;
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

TEST_CASE("a successor is asked how those ended that it does not know to run, once") {
  World world;
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
  World world;
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
  World world;
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

TEST_CASE("the word that memory was the reason may come behind the exit") {
  World world;
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
  World world;
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
    RawServer const server(socket_path(), [says = std::string(says)](int fd) {
      test::raw_read_until(fd, "\r\n\r\n");
      test::raw_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      if (!says.empty()) test::raw_send(fd, fmt::format("{:x}\r\n{}\r\n", says.size(), says));
      char byte = 0;
      while (::recv(fd, &byte, 1, 0) > 0) {
      }
    });
    World world;
    auto const agent = world.agent({}, code == Errc::timeout ? 30ms : 10s);
    REQUIRE(world.until([&] { return agent->counters().failures > 0; }));
    CHECK(agent->trouble()->code == code);
    CHECK(agent->counters().malformed == malformed);
    CHECK(agent->settled());
    CHECK(ids(*agent).empty());
  }
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
  RawServer const server(socket_path(), [&](int fd) {
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
  World world;
  auto const agent = world.agent();
  REQUIRE(world.until([&] { return told > 0; }));
  auto const begun = std::chrono::steady_clock::now();
  REQUIRE(world.until([&] { return std::chrono::steady_clock::now() > begun + 300ms; }));
  CHECK(told == 1);
}

TEST_CASE("there is nothing on the socket but the stream, its thanks and what was missed") {
  World world;
  world.prepare = [](FakeSource& source) { source.run("a"); };
  world.start("one");
  http::Loop loop;  // of the client's own
  std::string answers;
  std::thread peer([&] {
    auto const ask = [&](char const* head) {
      int const fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      auto const path = socket_path();
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
