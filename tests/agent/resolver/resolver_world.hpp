#pragma once
// A resolver and the agents that follow it, in one process: what tests of both ends share.

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/names/resolver_client.hpp"
#include "agent/resolver/resolver.hpp"
#include "tests/agent/resolver/fake_source.hpp"
#include "tests/common/http/run_until.hpp"

namespace dadvisor::test {

using namespace std::chrono_literals;

// The socket of this process' resolvers.
inline std::string resolver_socket() {
  return (std::filesystem::temp_directory_path() /
          fmt::format("dadvisor-resolver-{}.sock", getpid()))
      .string();
}

// A resolver on a source that says what the test wants, agents that follow it, and their loop.
class ResolverWorld {
 public:
  void start(std::string run, std::function<bool(std::uint32_t)> admits = nullptr) {
    agent::ResolverOptions options;
    options.run = std::move(run);
    options.server.socket_path = resolver_socket();
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
  std::unique_ptr<agent::ResolverClient> agent(
      std::function<void(std::string const&)> on_update = {},
      std::chrono::milliseconds silence = 5s) {
    agent::ResolverClientOptions options;
    options.socket_path = resolver_socket();
    options.least_pause = 5ms;
    options.most_pause = 20ms;
    options.silence = silence;
    options.on_update = std::move(on_update);
    return std::make_unique<agent::ResolverClient>(loop_, clock_, std::move(options),
                                                   Log("r", LogLevel::none));
  }
  template <typename Condition>
  bool until(Condition condition) {
    return run_until(loop_, condition);
  }
  bool until_up(agent::ResolverClient& client, std::uint64_t times = 1) {
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
  std::optional<agent::Resolver> resolver_;
};

// "a b": the ids of a snapshot.
inline std::string ids(agent::ResolverClient& client) {
  std::string text;
  for (auto const& container : client.snapshot()) text += (text.empty() ? "" : " ") + container.id;
  return text;
}

// "3 137": exit codes of the events, "oom" of a kill's.
inline std::string codes(std::vector<agent::RuntimeEvent> const& events) {
  std::string text;
  for (auto const& event : events)
    text += (text.empty() ? "" : " ") +
            (event.exit_code ? std::to_string(*event.exit_code) : std::string("oom")) +
            (event.oom_killed ? "!" : "");
  return text;
}

}  // namespace dadvisor::test
