#include "agent/docker/docker_watcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>

#include "tests/common/http/raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;
using test::raw_read_until;
using test::raw_send;

namespace {

std::string socket_path() {
  return (std::filesystem::temp_directory_path() / fmt::format("dadvisor-docker-{}.sock", getpid()))
      .string();
}

// A daemon of a few containers, answering on threads of its own. The test says what there is; what
// it must do wrong is asked for by members.
class FakeDocker {
 public:
  FakeDocker() : server_(socket_path(), [this](int fd) { serve(fd); }) {}

  void run(std::string const& id, std::int64_t pid, std::string const& more = "") {
    std::lock_guard const lock(mutex_);
    containers_[id] = fmt::format(
        R"({{"Id":"{}","Name":"/n-{}","State":{{"Running":{},"Pid":{},"StartedAt":"2026-01-01T00:00:{:02}Z"}}{}}})",
        id, id, pid > 0, pid, pid % 60, more);
  }
  void remove(std::string const& id) {
    std::lock_guard const lock(mutex_);
    containers_.erase(id);
  }
  void raw(std::string const& id, std::string inspect) {
    std::lock_guard const lock(mutex_);
    containers_[id] = std::move(inspect);
  }
  void event(std::string const& action, std::string const& id, std::int64_t nano) {
    say(fmt::format(R"({{"Type":"container","Action":"{}","Actor":{{"ID":"{}"}},"timeNano":{}}})",
                    action, id, nano) +
        "\n");
  }
  void say(std::string const& text) {
    std::lock_guard const lock(mutex_);
    for (int const fd : streams_) raw_send(fd, fmt::format("{:x}\r\n{}\r\n", text.size(), text));
  }
  void hang_up() { server_.hang_up(); }
  std::string requests() {
    std::lock_guard const lock(mutex_);
    return requests_;
  }
  std::atomic<bool> hang_list{false};
  std::atomic<bool> hang_ping{false};
  std::atomic<bool> flood_list{false};
  std::atomic<bool> refuse_versions{false};
  std::string version_header = "Api-Version: 1.41\r\n";
  std::string greeting;  // sent on each new event stream
  std::string memory;    // of events

 private:
  static void answer(int fd, std::string const& body, std::string const& extra = "",
                     char const* status = "200 OK") {
    raw_send(fd, fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}", status, extra,
                             body.size(), body));
  }
  void serve(int fd) {
    for (;;) {
      auto const head = raw_read_until(fd, "\r\n\r\n");
      if (!head.starts_with("GET ")) return;
      auto target = head.substr(4, head.find(' ', 4) - 4);
      std::unique_lock lock(mutex_);
      requests_ += target + "\n";
      if (target == "/_ping") {
        if (hang_ping) continue;
        answer(fd, "OK", version_header);
        continue;
      }
      if (target == "/version") {
        answer(fd, R"({"ApiVersion":"1.19"})");
        continue;
      }
      if (target.starts_with("/v")) {
        if (refuse_versions) {
          answer(fd, R"({"message":"client version is too old"})", "", "400 Bad Request");
          continue;
        }
        target = target.substr(target.find('/', 1));
      }
      if (target.starts_with("/events") && target.find("until=") != std::string::npos) {
        answer(fd, memory);
        continue;
      }
      if (target.starts_with("/events")) {
        raw_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        if (!greeting.empty())
          raw_send(fd, fmt::format("{:x}\r\n{}\r\n", greeting.size(), greeting));
        streams_.insert(fd);
        lock.unlock();
        char byte = 0;
        while (::recv(fd, &byte, 1, 0) > 0) {
        }
        lock.lock();
        streams_.erase(fd);
        return;
      }
      if (target == "/containers/json") {
        if (hang_list) continue;
        if (flood_list) {
          raw_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n[");
          continue;
        }
        std::string ids;
        for (auto const& [id, inspect] : containers_) {
          if (inspect.find("\"Running\":false") != std::string::npos) continue;
          ids += fmt::format("{}{{\"Id\":\"{}\"}}", ids.empty() ? "" : ",", id);
        }
        answer(fd, "[" + ids + "]");
        continue;
      }
      auto const id = target.substr(12, target.rfind('/') - 12);
      auto const found = containers_.find(id);
      if (found == containers_.end()) {
        answer(fd, R"({"message":"No such container"})", "", "404 Not Found");
      } else {
        answer(fd, found->second);
      }
    }
  }

  std::mutex mutex_;
  std::map<std::string, std::string> containers_;
  std::set<int> streams_;
  std::string requests_;
  test::RawServer server_;
};

// The watcher and the loop that it lives on, run by the test until something holds.
class Watched {
 public:
  explicit Watched(DockerOptions options = {}) {
    options.socket_path = socket_path();
    options.wanted = {[](std::string_view) { return true; },
                      [](std::string_view) { return false; }};
    options.least_pause = 5ms;
    options.most_pause = 20ms;
    watcher_.emplace(loop_, clock_, std::move(options), Log("docker", LogLevel::error));
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
  bool until_watching(std::uint64_t times) {
    return until([&] { return watcher_->up_to_date() && watcher_->counters().connects >= times; });
  }
  // "a:1 b:0": ids and whether they run.
  std::string picture() {
    std::string text;
    for (auto const& container : watcher_->snapshot()) {
      text +=
          fmt::format("{}{}:{}", text.empty() ? "" : " ", container.id, container.running ? 1 : 0);
    }
    return text;
  }
  DockerWatcher& watcher() { return *watcher_; }

  struct SetClock final : Clock {
    WallTime wall() const override { return {}; }
    MonotonicTime monotonic() const override { return now; }
    MonotonicTime now{};
  } clock_;

 private:
  http::Loop loop_;
  std::optional<DockerWatcher> watcher_;
  http::Timer again_;
};

}  // namespace

TEST_CASE("what runs at the start is listed, and events are followed") {
  FakeDocker docker;
  docker.run("aa", 1);
  docker.run("bb", 2, R"(,"RestartCount":3)");
  std::string updated;
  DockerOptions options;
  options.on_update = [&](std::string const& id) { updated = id; };
  Watched watched(options);
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
  watched.clock_.now += 61s;
  CHECK(watched.picture() == "aa:1");  // an ended one is forgotten after a minute
}

TEST_CASE("a daemon that goes and comes back costs nothing that still runs") {
  auto docker = std::make_unique<FakeDocker>();
  docker->run("aa", 1);
  docker->run("bb", 2);
  docker->run("dd", 4);
  Watched watched;
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
  Watched watched;
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
  Watched watched(options);
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
  Watched watched;
  REQUIRE(watched.until_watching(1));
  CHECK(watched.picture() == "aa:1 ee:1");
  CHECK(watched.watcher().counters().malformed == 2);
  CHECK(watched.watcher().counters().failures == 0);
}

TEST_CASE("a malformed event stream is opened anew") {
  FakeDocker docker;
  docker.run("aa", 1);
  Watched watched;
  REQUIRE(watched.until_watching(1));
  docker.run("bb", 2);
  docker.say("<html>not events</html>");
  REQUIRE(watched.until_watching(2));
  CHECK(watched.picture() == "aa:1 bb:1");
  CHECK(watched.watcher().counters().malformed == 1);
}

TEST_CASE("a container that is gone before its inspect leaves nothing") {
  FakeDocker docker;
  Watched watched;
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
    Watched watched;
    REQUIRE(watched.until_watching(1));
    CHECK(docker.requests().find("/v1.19/containers/aa/json\n") != std::string::npos);
  }
  SECTION("a daemon whose floor is above us: without a version") {
    docker.refuse_versions = true;
    docker.version_header = "Api-Version: 1.99\r\n";
    Watched watched;
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
  Watched watched;
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
  Watched watched;
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

TEST_CASE("a life that ended unseen is told by what its inspect says") {
  FakeDocker docker;
  Watched watched;
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
  Watched watched;
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
  Watched watched;
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
