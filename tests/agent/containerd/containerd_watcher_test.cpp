#include "agent/containerd/containerd_watcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/agent/containerd/encoded.hpp"
#include "tests/common/grpc/fake_server.hpp"
#include "tests/common/http/run_until.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;
using namespace std::chrono_literals;

namespace {

std::string socket_path() {
  return (std::filesystem::temp_directory_path() /
          fmt::format("dadvisor-containerd-{}.sock", getpid()))
      .string();
}

constexpr std::int64_t second = 1'000'000'000;

// A containerd of a few containers. The test says what there is; what it must do wrong is asked for
// by members.
class FakeContainerd {
 public:
  FakeContainerd()
      : server_(socket_path(), [this](FakeGrpc::Asked const& asked) { return answer(asked); }) {}

  void run(std::string const& name_space, std::string const& id, std::uint32_t pid, int status = 2,
           std::uint32_t code = 0, std::int64_t exited = 0) {
    std::lock_guard const lock(mutex_);
    containers_[{name_space, id}] = EncodedContainer{id, {{"owner", "o-" + id}}}.bytes();
    tasks_[{name_space, id}] = task_message(id, pid, status, code, exited);
  }
  void relabel(std::string const& id, std::string const& owner) {
    std::lock_guard const lock(mutex_);
    containers_[{"default", id}] = EncodedContainer{id, {{"owner", owner}}}.bytes();
  }
  void raw(std::string const& id, std::string bytes) {
    std::lock_guard const lock(mutex_);
    containers_[{"default", id}] = std::move(bytes);
  }
  void end(std::string const& id) {
    std::lock_guard const lock(mutex_);
    tasks_.erase({"default", id});
  }
  void remove(std::string const& id) {
    end(id);
    std::lock_guard const lock(mutex_);
    containers_.erase({"default", id});
  }
  void event(std::string const& topic, std::string const& event,
             std::string const& name_space = "default") {
    server_.push(envelope(name_space, topic, ++now_ * second, event));
  }
  void hang_up() { server_.hang_up(); }
  int streams() const { return server_.streams(); }
  int asked(std::string const& what) {
    std::lock_guard const lock(mutex_);
    return static_cast<int>(std::ranges::count(asked_, what));
  }

  std::atomic<bool> hang{false}, flood{false}, old{false};

 private:
  FakeGrpc::Reply answer(FakeGrpc::Asked const& asked) {
    std::lock_guard const lock(mutex_);
    auto const what = asked.method.substr(asked.method.rfind('.') + 1);
    asked_.push_back(what + " " + asked.name_space);
    FakeGrpc::Reply reply;
    auto const of_space = [&](auto const& all) {
      std::vector<std::string> found;
      for (auto const& [key, bytes] : all)
        if (key.first == asked.name_space) found.push_back(bytes);
      return found;
    };
    if (what == "Events/Subscribe") {
      reply.open = true;
    } else if (hang) {
      reply.silent = true;
    } else if (what == "Namespaces/List") {
      std::set<std::string> names{"moby"};
      for (auto const& [key, bytes] : containers_) names.insert(key.first);
      std::vector<std::string> entries;
      for (auto const& name : names) entries.push_back(name_message(name));
      reply.messages = {list_message(entries)};
    } else if (what == "Containers/ListStream") {
      if (old) reply.status = 12;
      if (flood) reply.raw = std::string("\0\x40\0\0\0", 5) + std::string(10'000, 'x');
      if (!old)
        for (auto const& one : of_space(containers_)) reply.messages.push_back(list_message({one}));
    } else if (what == "Containers/List") {
      reply.messages = {list_message(of_space(containers_))};
    } else if (what == "Tasks/List") {
      reply.messages = {list_message(of_space(tasks_))};
    } else if (what == "Containers/Get") {
      auto const found = containers_.find({asked.name_space, asked.message.substr(2)});
      if (found == containers_.end())
        reply.status = 5;
      else
        reply.messages = {list_message({found->second})};
    }
    return reply;
  }

  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> containers_, tasks_;
  std::vector<std::string> asked_;
  std::atomic<std::int64_t> now_{1'700'000'000};
  FakeGrpc server_;
};

// The watcher and the loop that it lives on, run by the test until something holds.
class Watched {
 public:
  explicit Watched(ContainerdOptions options = {}) {
    options.socket_path = socket_path();
    options.wanted = {[](std::string_view) { return true; },
                      [](std::string_view) { return false; }};
    options.least_pause = 5ms;
    options.most_pause = 20ms;
    // Process 7 has ended; the others began at their own second.
    options.started = [](std::int64_t pid) {
      return pid == 7 ? std::nullopt : std::optional(pid * second);
    };
    watcher_.emplace(loop_, clock_, std::move(options), Log("containerd", LogLevel::none));
  }
  template <typename Condition>
  bool until(Condition condition) {
    return test::run_until(loop_, condition);
  }
  // For the given time; `before`: how often it was that with another containerd.
  bool until_watching(std::uint64_t times, FakeContainerd const& containerd, int before = 0) {
    return until([&] {
      return watcher_->up_to_date() && watcher_->counters().connects >= times &&
             containerd.streams() >= static_cast<int>(times) - before;
    });
  }
  // "default/a:1 default/b:0": ids and whether they run.
  std::string picture() {
    std::string text;
    for (auto const& one : watcher_->snapshot())
      text += fmt::format("{}{}:{}", text.empty() ? "" : " ", one.id, one.running ? 1 : 0);
    return text;
  }
  bool until_picture(std::string const& wanted) {
    return until([&] { return picture() == wanted; });
  }
  std::vector<RuntimeEvent> until_told(std::size_t count) {
    std::vector<RuntimeEvent> told;
    CHECK(until([&] {
      for (auto& event : watcher_->take_events()) told.push_back(std::move(event));
      return told.size() >= count;
    }));
    CHECK(told.size() == count);
    return told;
  }
  RuntimeCounters const& counters() const { return watcher_->counters(); }
  ContainerdWatcher& watcher() { return *watcher_; }

  test::HandClock clock_;

 private:
  http::Loop loop_;
  std::optional<ContainerdWatcher> watcher_;
};

}  // namespace

TEST_CASE("what runs at the start is listed, and events are followed") {
  FakeContainerd containerd;
  containerd.run("default", "a", 11);
  containerd.run("k8s.io", "b", 12, 4);
  containerd.run("default", "c", 13, 3, 5, second);  // it had ended before
  containerd.run("default", "d", 14, 1);             // made, not begun
  containerd.run("moby", "e", 15);                   // Docker's
  Watched watched;
  auto& watcher = watched.watcher();
  CHECK_FALSE(watcher.settled());
  REQUIRE(watched.until_watching(1, containerd));
  CHECK(watched.picture() == "default/a:1 k8s.io/b:1");
  CHECK(watcher.namespaces() == std::set<std::string>{"default", "k8s.io"});
  auto const first = watcher.snapshot();
  CHECK((first[0].pid == 11 && first[0].started_ns == 11 * second && !first[0].paused));
  CHECK((first[0].name == "a" && first[0].labels.at("owner") == "o-a"));
  CHECK(first[1].paused);
  CHECK(containerd.asked("Containers/ListStream moby") == 0);
  CHECK((watched.counters().starts == 0 && watcher.take_events().empty()));

  containerd.event("/tasks/start", start_event("d", 14));
  REQUIRE(watched.until_picture("default/a:1 default/d:1 k8s.io/b:1"));
  CHECK(watched.counters().starts == 1);
  containerd.event("/tasks/paused", name_message("a"));
  REQUIRE(watched.until([&] { return watcher.snapshot()[0].paused; }));
  containerd.event("/tasks/resumed", name_message("a"));
  containerd.relabel("a", "another");
  containerd.event("/containers/update", name_message("a"));
  REQUIRE(watched.until([&] { return watcher.snapshot()[0].labels.at("owner") == "another"; }));
  CHECK((!watcher.snapshot()[0].paused && watcher.snapshot()[0].pid == 11));

  // The end of an exec is not its container's.
  containerd.event("/tasks/exit", exit_event("a", "shell", 99, 1, 20 * second));
  containerd.event("/tasks/exit", exit_event("a", "a", 11, 3, 21 * second));
  auto const told = watched.until_told(1);
  CHECK((told[0].kind == RuntimeEvent::Kind::exit && told[0].exit_code == 3));
  CHECK((told[0].time_ns == 21 * second && !told[0].oom_killed));
  CHECK((told[0].container.id == "default/a" && told[0].container.started_ns == 11 * second));
  CHECK(told[0].container.labels.at("owner") == "another");
  CHECK(watched.picture() == "default/a:0 default/d:1 k8s.io/b:1");
  containerd.event("/tasks/delete", delete_event("a", 11, 3, 21 * second));
  containerd.event("/tasks/start", start_event("a", 16));  // a second life
  REQUIRE(watched.until_picture("default/a:1 default/d:1 k8s.io/b:1"));
  CHECK(watcher.snapshot()[0].started_ns == 16 * second);
  containerd.event("/tasks/exit", exit_event("a", "a", 16, 0, 22 * second));
  REQUIRE(watched.until_picture("default/a:0 default/d:1 k8s.io/b:1"));
  watched.clock_.advance(61s);
  CHECK(watched.picture() == "default/d:1 k8s.io/b:1");  // forgotten after a minute
  containerd.event("/containers/delete", name_message("d"));
  REQUIRE(watched.until_picture("k8s.io/b:1"));
  CHECK((watched.counters().starts == 2 && watched.counters().exits == 3));
  CHECK(watched.counters().malformed == 0);
}

TEST_CASE("a life that is over before it was asked about is told whole, or counted") {
  FakeContainerd containerd;
  containerd.run("default", "stays", 10);
  Watched watched;
  REQUIRE(watched.until_watching(1, containerd));
  containerd.run("default", "brief", 7);
  containerd.event("/containers/create", name_message("brief"));
  containerd.event("/tasks/start", start_event("brief", 7));
  containerd.event("/tasks/exit", exit_event("brief", "brief", 7, 41, 1'700'000'002 * second));
  containerd.event("/tasks/start", start_event("gone", 17));  // removed before the question
  containerd.event("/tasks/exit", exit_event("gone", "gone", 17, 1, 1'700'000'005 * second));
  auto const told = watched.until_told(1);
  CHECK((told[0].container.name == "brief" && told[0].exit_code == 41));
  // Its process cannot be asked any more: it began when containerd said so.
  CHECK(told[0].container.started_ns == 1'700'000'002 * second);
  CHECK(watched.until([&] { return watched.counters().untold == 1; }));
  CHECK(watched.counters().exits == 2);
  CHECK(watched.until_picture("default/brief:0 default/stays:1"));
}

TEST_CASE("an exit by SIGKILL waits a moment for the word that memory was the reason") {
  FakeContainerd containerd;
  for (std::uint32_t pid : {11, 12, 13})
    containerd.run("default", std::string(1, static_cast<char>('a' + pid - 11)), pid);
  Watched watched;
  REQUIRE(watched.until_watching(1, containerd));
  auto const kill = [&](std::string const& id, std::uint32_t pid) {
    containerd.event("/tasks/exit", exit_event(id, id, pid, 137, pid * second));
  };
  containerd.event("/tasks/oom", name_message("a"));
  kill("a", 11);
  kill("b", 12);  // its oom event comes late
  containerd.event("/tasks/oom", name_message("b"));
  kill("c", 13);
  containerd.event("/containers/delete", name_message("c"));
  auto const told = watched.until_told(4);
  using Kind = RuntimeEvent::Kind;
  CHECK((told[0].kind == Kind::oom && told[0].container.id == "default/a"));
  CHECK((told[1].kind == Kind::exit && told[1].oom_killed && told[1].exit_code == 137));
  CHECK((told[2].kind == Kind::exit && told[2].oom_killed && told[2].time_ns == 12 * second));
  CHECK((told[3].kind == Kind::oom && told[3].container.id == "default/b"));
  CHECK(watched.until([&] { return watched.counters().exits == 3; }));
  CHECK(watched.watcher().take_events().empty());
  watched.clock_.advance(1001ms);
  auto const last = watched.watcher().take_events();
  REQUIRE(last.size() == 1);
  CHECK((last[0].container.id == "default/c" && !last[0].oom_killed));
  CHECK(watched.counters().ooms == 2);
}

TEST_CASE("a containerd that goes and comes back costs nothing that still runs") {
  auto containerd = std::make_unique<FakeContainerd>();
  for (std::uint32_t pid : {11, 12, 13, 14})
    containerd->run("default", std::string(1, static_cast<char>('a' + pid - 11)), pid);
  Watched watched;
  REQUIRE(watched.until_watching(1, *containerd));
  containerd.reset();
  REQUIRE(watched.until([&] { return !watched.watcher().up_to_date(); }));
  CHECK(watched.picture() == "default/a:1 default/b:1 default/c:1 default/d:1");
  CHECK(watched.until([&] { return watched.counters().failures > 3; }));

  containerd = std::make_unique<FakeContainerd>();
  containerd->run("default", "a", 11);
  containerd->run("default", "b", 12, 3, 9, 50 * second);  // ended meanwhile
  containerd->run("default", "c", 23);                     // and began again
  REQUIRE(watched.until_watching(2, *containerd, 1));
  CHECK(watched.picture() == "default/a:1 default/b:0 default/c:1");
  auto told = watched.until_told(3);
  std::ranges::sort(told, {}, [](auto const& one) { return one.container.id; });
  CHECK((told[0].container.id == "default/b" && told[0].exit_code == 9));
  CHECK(told[0].time_ns == 50 * second);
  CHECK((told[1].container.id == "default/c" && told[1].container.started_ns == 13 * second));
  CHECK((!told[1].exit_code && told[1].time_ns == 0));  // nobody knows
  CHECK((told[2].container.id == "default/d" && !told[2].exit_code));
  CHECK((watched.counters().starts == 1 && watched.counters().exits == 3));
}

TEST_CASE("what befell before the subscription began is found by a second list") {
  FakeContainerd containerd;
  containerd.run("default", "a", 11);
  ContainerdOptions options;
  options.second_list = 50ms;
  Watched watched(options);
  REQUIRE(watched.until_watching(1, containerd));
  containerd.end("a");
  containerd.run("default", "b", 12);
  containerd.run("new", "c", 13);
  CHECK(watched.until_picture("default/a:0 default/b:1 new/c:1"));
  CHECK(watched.counters().connects == 1);
  containerd.run("newer", "d", 14);
  containerd.event("/namespaces/create", name_message("newer"), "newer");
  CHECK(watched.until_picture("default/a:0 default/b:1 new/c:1 newer/d:1"));
}

TEST_CASE("no containerd, or one for Docker alone, is no runtime and no trouble") {
  SECTION("none") {
    Watched watched;
    CHECK(watched.until([&] { return watched.counters().failures >= 3; }));
    CHECK((watched.watcher().settled() && !watched.watcher().up_to_date()));
    CHECK(watched.picture().empty());
  }
  SECTION("Docker's") {
    FakeContainerd containerd;
    containerd.run("moby", "e", 15);
    Watched watched;
    REQUIRE(watched.until_watching(1, containerd));
    CHECK(watched.watcher().namespaces().empty());
    containerd.event("/tasks/start", start_event("e", 15), "moby");
    containerd.run("later", "f", 16);
    containerd.event("/tasks/start", start_event("f", 16), "later");
    CHECK(watched.until_picture("later/f:1"));
  }
}

TEST_CASE("a containerd that hangs or floods is left and tried again") {
  FakeContainerd containerd;
  containerd.run("default", "a", 11);
  containerd.hang = true;
  ContainerdOptions options;
  options.request_timeout = 50ms;
  options.check_pace = 20ms;
  Watched watched(options);
  CHECK(watched.until([&] { return watched.counters().failures == 1; }));
  CHECK_FALSE(watched.watcher().up_to_date());
  containerd.hang = false;
  containerd.flood = true;
  CHECK(watched.until([&] { return watched.counters().failures >= 3; }));
  containerd.flood = false;
  REQUIRE(watched.until_watching(1, containerd));
  CHECK(watched.picture() == "default/a:1");
  containerd.hang = true;  // and the event stream stays open
  CHECK(watched.until([&] { return !watched.watcher().up_to_date(); }));
  CHECK(watched.picture() == "default/a:1");
  containerd.hang = false;
  CHECK(watched.until_watching(2, containerd));
}

TEST_CASE("one container that cannot be told hides no other, and old ones list in one message") {
  FakeContainerd containerd;
  containerd.run("default", "a", 11);
  containerd.run("default", "b", 12);
  SECTION("malformed") {
    containerd.raw("b", "\x0a\x7f");
    Watched watched;
    REQUIRE(watched.until_watching(1, containerd));
    CHECK(watched.picture() == "default/a:1");
    CHECK(watched.counters().malformed == 1);
    CHECK(watched.counters().failures == 0);
  }
  SECTION("before 1.2") {
    containerd.old = true;
    Watched watched;
    REQUIRE(watched.until_watching(1, containerd));
    CHECK(watched.picture() == "default/a:1 default/b:1");
  }
}

TEST_CASE("an event stream that makes no sense is opened anew") {
  FakeContainerd containerd;
  containerd.run("default", "a", 11);
  Watched watched;
  REQUIRE(watched.until_watching(1, containerd));
  containerd.run("default", "b", 12);
  containerd.event("/tasks/start", "\x0a\x7f");
  REQUIRE(watched.until_watching(2, containerd));
  CHECK(watched.picture() == "default/a:1 default/b:1");
  CHECK(watched.counters().malformed == 1);
}
