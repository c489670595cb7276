#include "agent/docker/docker_watcher.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/agent/docker/fake_docker.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

TEST_CASE("what runs at the start is listed, and events are followed") {
  FakeDocker docker;
  docker.run("aa", 1);
  docker.run("bb", 2, R"(,"RestartCount":3)");
  std::string updated;
  DockerOptions options;
  options.on_update = [&](std::string const& id) { updated = id; };
  WatchedDocker watched(options);
  auto& watcher = watched.watcher();
  CHECK_FALSE(watcher.settled());
  REQUIRE(watched.until_watching(1));
  CHECK(watched.picture() == "aa:1 bb:1");
  CHECK(watcher.snapshot()[1].restart_count == 3);
  CHECK(watcher.snapshot()[1].name == "n-bb");
  CHECK(docker.requests().find("/v1.41/containers/json") != std::string::npos);
  CHECK(watcher.counters().starts == 0);  // they were there before

  docker.run("cc", 3);
  docker.event("start", "cc", 10);
  CHECK(watched.until([&] { return watched.picture() == "aa:1 bb:1 cc:1"; }));
  CHECK(watcher.counters().starts == 1);

  docker.run("aa", 0);
  docker.event("die", "aa", 11);
  CHECK(watched.until([&] { return watched.picture() == "aa:0 bb:1 cc:1"; }));
  docker.run("aa", 7);  // a second life
  docker.event("start", "aa", 12);
  CHECK(watched.until([&] { return watched.picture() == "aa:1 bb:1 cc:1"; }));
  CHECK(watcher.counters().starts == 2);
  CHECK(watcher.counters().exits == 1);

  docker.event("oom", "bb", 13);
  docker.event("update", "bb", 14);
  docker.remove("bb");
  docker.event("destroy", "bb", 15);
  CHECK(watched.until([&] { return watched.picture() == "aa:1 cc:1"; }));
  CHECK(watcher.counters().ooms == 1);
  CHECK(watcher.counters().exits == 2);
  CHECK(updated == "bb");
  docker.event("destroy", "bb", 15);  // the same once more
  CHECK(watched.until([&] { return watcher.counters().duplicate_events == 1; }));

  docker.run("cc", 0);
  docker.event("die", "cc", 16);
  CHECK(watched.until([&] { return watched.picture() == "aa:1 cc:0"; }));
  watched.clock_.advance(61s);
  CHECK(watched.picture() == "aa:1");  // an ended one is forgotten after a minute
}

TEST_CASE("a daemon that goes and comes back costs nothing that still runs") {
  auto docker = std::make_unique<FakeDocker>();
  docker->run("aa", 1);
  docker->run("bb", 2);
  docker->run("dd", 4);
  WatchedDocker watched;
  REQUIRE(watched.until_watching(1));
  docker->event("pause", "aa", 1'000'000'007);
  CHECK(watched.until([&] { return watched.watcher().counters().events == 1; }));
  docker.reset();
  CHECK(watched.until([&] { return !watched.watcher().up_to_date(); }));
  CHECK(watched.picture() == "aa:1 bb:1 dd:1");  // live-restore: they may live on
  CHECK(watched.until([&] { return watched.watcher().counters().failures > 3; }));

  docker = std::make_unique<FakeDocker>();
  docker->run("aa", 1);
  docker->run("bb", 0);
  docker->run("cc", 3);
  // The daemon tells its last events once more, the one that was seen included.
  docker->greeting =
      R"({"Type":"container","Action":"pause","Actor":{"ID":"aa"},"timeNano":1000000007})";
  REQUIRE(watched.until_watching(2));
  CHECK(watched.until([&] { return watched.watcher().counters().duplicate_events == 1; }));
  CHECK(watched.picture() == "aa:1 bb:0 cc:1");
  CHECK(docker->requests().find("&since=1.000000007\n") != std::string::npos);
  CHECK(watched.watcher().counters().starts == 1);
  CHECK(watched.watcher().counters().exits == 2);
}

TEST_CASE("no daemon at all means no containers, and one attempt after another") {
  WatchedDocker watched;
  CHECK(watched.until([&] { return watched.watcher().counters().failures >= 3; }));
  CHECK(watched.watcher().settled());
  CHECK_FALSE(watched.watcher().up_to_date());
  CHECK(watched.picture().empty());
}

TEST_CASE("a daemon that hangs or floods is left and tried again") {
  FakeDocker docker;
  docker.run("aa", 1);
  docker.hang_list = true;
  DockerOptions options;
  options.request_timeout = 50ms;
  options.ping_pace = 20ms;
  WatchedDocker watched(options);
  CHECK(watched.until([&] { return watched.watcher().counters().failures == 1; }));
  CHECK_FALSE(watched.watcher().up_to_date());
  docker.hang_list = false;
  docker.flood_list = true;
  CHECK(watched.until([&] { return watched.watcher().counters().failures >= 3; }));
  docker.flood_list = false;
  REQUIRE(watched.until_watching(1));
  CHECK(watched.picture() == "aa:1");
  docker.hang_ping = true;  // and the event stream stays open
  CHECK(watched.until([&] { return !watched.watcher().up_to_date(); }));
  CHECK(watched.picture() == "aa:1");
  docker.hang_ping = false;
  CHECK(watched.until_watching(2));
}

TEST_CASE("one container that cannot be told hides no other") {
  FakeDocker docker;
  docker.run("aa", 1);
  docker.raw("bb", "{\"Id\":");
  docker.raw("cc", R"({"Id":"dd","State":{}})");  // another's
  docker.run("ee", 5);
  WatchedDocker watched;
  REQUIRE(watched.until_watching(1));
  CHECK(watched.picture() == "aa:1 ee:1");
  CHECK(watched.watcher().counters().malformed == 2);
  CHECK(watched.watcher().counters().failures == 0);
}

TEST_CASE("a malformed event stream is opened anew") {
  FakeDocker docker;
  docker.run("aa", 1);
  WatchedDocker watched;
  REQUIRE(watched.until_watching(1));
  docker.run("bb", 2);
  docker.say("<html>not events</html>");
  REQUIRE(watched.until_watching(2));
  CHECK(watched.picture() == "aa:1 bb:1");
  CHECK(watched.watcher().counters().malformed == 1);
}

TEST_CASE("a container that is gone before its inspect leaves nothing") {
  FakeDocker docker;
  WatchedDocker watched;
  REQUIRE(watched.until_watching(1));
  docker.event("start", "aa", 1);
  docker.run("bb", 2);
  docker.event("start", "bb", 2);
  CHECK(watched.until([&] { return watched.picture() == "bb:1"; }));
}

TEST_CASE("old daemons and those that refuse our version are spoken to in theirs") {
  FakeDocker docker;
  docker.run("aa", 1);
  SECTION("no Api-Version header: asked by /version") {
    docker.version_header = "";
    WatchedDocker watched;
    REQUIRE(watched.until_watching(1));
    CHECK(docker.requests().find("/v1.19/containers/aa/json\n") != std::string::npos);
  }
  SECTION("a daemon whose floor is above us: without a version") {
    docker.refuse_versions = true;
    docker.version_header = "Api-Version: 1.99\r\n";
    WatchedDocker watched;
    REQUIRE(watched.until_watching(1));
    CHECK(docker.requests().find("\n/containers/aa/json\n") != std::string::npos);
    CHECK(watched.picture() == "aa:1");
  }
}

TEST_CASE("an exit is told once, with its code and whether memory was the reason") {
  FakeDocker docker;
  docker.run("aa", 1);
  docker.run("bb", 2);
  docker.run("cc", 3);
  WatchedDocker watched;
  auto& watcher = watched.watcher();
  REQUIRE(watched.until_watching(1));
  CHECK(watcher.take_events().empty());

  auto const die = [&](std::string const& id, int code, std::int64_t nano) {
    docker.say(fmt::format(
        R"({{"Type":"container","Action":"die","Actor":{{"ID":"{}","Attributes":{{"exitCode":"{}"}}}},"timeNano":{}}})",
        id, code, nano));
  };
  docker.raw(
      "bb",
      R"({"Id":"bb","State":{"Running":false,"Pid":0,"StartedAt":"2026-01-01T00:00:02Z","ExitCode":137}})");
  docker.event("oom", "aa", 10);
  die("aa", 137, 11);
  die("bb", 137, 12);  // its oom event comes late
  docker.event("oom", "bb", 13);
  die("cc", 3, 14);
  die("cc", 3, 14);
  std::vector<RuntimeEvent> told;
  REQUIRE(watched.until(
      [&] { return watcher.counters().duplicate_events == 1 && watcher.counters().ooms == 2; }));
  REQUIRE(watched.until([&] {
    for (auto& event : watcher.take_events()) told.push_back(std::move(event));
    return told.size() >= 5;
  }));
  std::ranges::sort(told, {}, &RuntimeEvent::time_ns);
  using Kind = RuntimeEvent::Kind;
  REQUIRE(told.size() == 5);
  CHECK((told[0].kind == Kind::oom && told[0].container.id == "aa" && told[0].time_ns == 10));
  CHECK((told[1].kind == Kind::exit && told[1].time_ns == 11 && told[1].oom_killed));
  CHECK(told[1].exit_code == 137);
  CHECK((told[2].container.id == "bb" && told[2].oom_killed));
  CHECK((told[3].kind == Kind::oom && told[3].container.id == "bb"));
  CHECK((told[4].container.id == "cc" && told[4].exit_code == 3 && !told[4].oom_killed));
  CHECK(told[4].container.started_ns == 1767225603'000'000'000);  // 2026-01-01T00:00:03Z
  CHECK(watcher.take_events().empty());
}

TEST_CASE("an exit by SIGKILL waits for the word whether memory was the reason") {
  FakeDocker docker;
  docker.run("aa", 1);
  docker.run("bb", 2);
  docker.run("cc", 3);
  WatchedDocker watched;
  auto& watcher = watched.watcher();
  REQUIRE(watched.until_watching(1));
  // Without any oom event, as Docker does when the first process is the one that is killed.
  docker.raw(
      "aa",
      R"({"Id":"aa","State":{"Running":false,"Pid":0,"StartedAt":"2026-01-01T00:00:01Z","ExitCode":137,"OOMKilled":true}})");
  docker.run("bb", 0);
  docker.remove("cc");  // docker rm -f
  std::int64_t nano = 10;
  for (auto const* id : {"aa", "bb", "cc"})
    docker.say(fmt::format(
        R"({{"Type":"container","Action":"die","Actor":{{"ID":"{}","Attributes":{{"exitCode":"137"}}}},"timeNano":{}}})",
        id, ++nano));
  std::vector<RuntimeEvent> told;
  REQUIRE(watched.until([&] {
    for (auto& event : watcher.take_events()) told.push_back(std::move(event));
    return told.size() == 3;
  }));
  std::ranges::sort(told, {}, &RuntimeEvent::time_ns);
  CHECK((told[0].container.id == "aa" && told[0].oom_killed && told[0].time_ns == 11));
  CHECK((told[1].container.id == "bb" && !told[1].oom_killed && told[1].exit_code == 137));
  CHECK((told[2].container.id == "cc" && !told[2].oom_killed && told[2].exit_code == 137));
}
