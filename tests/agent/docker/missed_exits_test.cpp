#include "agent/docker/missed_exits.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/agent/docker/fake_docker.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

TEST_CASE("a life that ended unseen is told by what its inspect says") {
  FakeDocker docker;
  WatchedDocker watched;
  auto& watcher = watched.watcher();
  REQUIRE(watched.until_watching(1));
  docker.raw(
      "aa",
      R"({"Id":"aa","State":{"Running":false,"Pid":0,"StartedAt":"2026-01-01T00:00:01Z","FinishedAt":"2026-01-01T00:00:02.5Z","ExitCode":137,"OOMKilled":true,"Error":"no"}})");
  docker.event("start", "aa", 1);
  REQUIRE(watched.until([&] { return watched.picture() == "aa:0"; }));
  auto const told = watcher.take_events();
  REQUIRE(told.size() == 1);
  CHECK(told[0].time_ns == 1767225602'500'000'000);
  CHECK((told[0].exit_code == 137 && told[0].oom_killed && told[0].container.error == "no"));
  docker.event("rename", "aa", 2);  // inspected once more, told no second time
  docker.event("start", "bb", 3);   // gone before it could be asked about
  REQUIRE(watched.until([&] { return watcher.counters().untold == 1; }));
  CHECK(watcher.take_events().empty());
}

TEST_CASE("how lives ended that nobody watched is asked of what the daemon still knows") {
  auto const started = [](int second) {
    return 1767225600'000'000'000 + second * std::int64_t{1'000'000'000};
  };
  auto const life = [&](std::string id, int second) {
    Container container;
    container.id = std::move(id);
    container.labels = {{"owner", "me"}};
    container.running = true;
    container.pid = 7;
    container.started_ns = started(second);
    return container;
  };
  auto const event = [&](char const* action, char const* id, int second, int code) {
    return fmt::format(
        R"({{"Type":"container","Action":"{}","Actor":{{"ID":"{}","Attributes":{{"exitCode":"{}"}}}},"timeNano":{}}})",
        action, id, code, started(second));
  };
  bool const reaches_back = GENERATE(true, false);
  FakeDocker docker;
  // aa is there still; bb was removed; cc began again; dd lives on; of ee nobody knows.
  docker.raw(
      "aa",
      R"({"Id":"aa","State":{"Running":false,"Pid":0,"StartedAt":"2026-01-01T00:00:01Z","FinishedAt":"2026-01-01T00:02:00Z","ExitCode":137,"OOMKilled":true}})");
  docker.run("cc", 50);
  docker.run("dd", 4);
  docker.memory = (reaches_back ? event("exec_start", "ff", 60, 0) : "") +
                  event("oom", "bb", 118, 0) + event("die", "cc", 119, 5) +
                  event("start", "cc", 119, 0) + event("die", "bb", 121, 3) +
                  event("die", "cc", 122, 6);
  WatchedDocker watched;
  auto& watcher = watched.watcher();
  // Before the daemon answers.
  watcher.missed({life("aa", 1), life("bb", 2), life("cc", 3), life("dd", 4), life("ee", 5)},
                 WallTime(Nanoseconds(started(100))));
  std::vector<RuntimeEvent> told;
  REQUIRE(watched.until([&] {
    for (auto& one : watcher.take_events()) told.push_back(std::move(one));
    return told.size() == 4;
  }));
  std::map<std::string, RuntimeEvent> by_id;
  for (auto const& one : told) {
    CHECK(one.kind == RuntimeEvent::Kind::exit);
    CHECK_FALSE(one.container.running);
    by_id[one.container.id] = one;
  }
  REQUIRE(by_id.size() == 4);
  CHECK(by_id["aa"].exit_code == 137);
  CHECK(by_id["aa"].oom_killed);
  CHECK(by_id["aa"].time_ns == started(120));
  CHECK(by_id["cc"].container.started_ns == started(3));
  CHECK(by_id["bb"].container.labels.at("owner") == "me");
  CHECK_FALSE(by_id["ee"].exit_code);
  CHECK(by_id["ee"].time_ns == 0);
  if (reaches_back) {
    CHECK(by_id["bb"].exit_code == 3);
    CHECK(by_id["bb"].oom_killed);
    CHECK(by_id["bb"].time_ns == started(121));
    CHECK(by_id["cc"].exit_code == 5);
    CHECK_FALSE(by_id["cc"].oom_killed);
  } else {
    // An end in front of these may be forgotten: theirs could be a later life's.
    for (auto const* id : {"bb", "cc"}) {
      CHECK_FALSE(by_id[id].exit_code);
      CHECK_FALSE(by_id[id].oom_killed);
      CHECK(by_id[id].time_ns == 0);
    }
  }
  // Whoever asks again is told again.
  watcher.missed({life("bb", 2)}, WallTime(Nanoseconds(started(100))));
  REQUIRE(watched.until([&] {
    for (auto& one : watcher.take_events()) told.push_back(std::move(one));
    return told.size() == 5;
  }));
  CHECK(told.back().container.id == "bb");
}

TEST_CASE("a daemon that goes while it is asked of missed lives is asked again") {
  FakeDocker docker;
  docker.run("aa", 1);
  WatchedDocker watched;
  auto& watcher = watched.watcher();
  REQUIRE(watched.until_watching(1));
  Container gone;
  gone.id = "bb";
  gone.started_ns = 1;
  watcher.missed({gone}, WallTime(Nanoseconds(2)));
  docker.hang_up();
  std::vector<RuntimeEvent> told;
  REQUIRE(watched.until([&] {
    for (auto& one : watcher.take_events()) told.push_back(std::move(one));
    return !told.empty();
  }));
  CHECK(told.size() == 1);
  CHECK(told[0].container.id == "bb");
}
