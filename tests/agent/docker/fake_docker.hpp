#pragma once
// A daemon that says what the test wants, and a watcher of it with its loop.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "agent/docker/docker_watcher.hpp"
#include "tests/common/http/raw_peer.hpp"
#include "tests/common/http/run_until.hpp"
#include "tests/hand_clock.hpp"

namespace dadvisor::test {

using namespace std::chrono_literals;

// The socket of this process' daemons.
inline std::string docker_socket() {
  return (std::filesystem::temp_directory_path() / fmt::format("dadvisor-docker-{}.sock", getpid()))
      .string();
}

// A daemon of a few containers, answering on threads of its own. The test says what there is; what
// it must do wrong is asked for by members.
class FakeDocker {
 public:
  FakeDocker() : server_(docker_socket(), [this](int fd) { serve(fd); }) {}

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
class WatchedDocker {
 public:
  explicit WatchedDocker(agent::DockerOptions options = {}) {
    options.socket_path = docker_socket();
    options.wanted = {[](std::string_view) { return true; },
                      [](std::string_view) { return false; }};
    options.least_pause = 5ms;
    options.most_pause = 20ms;
    watcher_.emplace(loop_, clock_, std::move(options), Log("docker", LogLevel::error));
  }
  template <typename Condition>
  bool until(Condition condition) {
    return run_until(loop_, condition);
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
  agent::DockerWatcher& watcher() { return *watcher_; }

  HandClock clock_;

 private:
  http::Loop loop_;
  std::optional<agent::DockerWatcher> watcher_;
};

}  // namespace dadvisor::test
