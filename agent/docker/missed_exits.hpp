#pragma once
// How lives ended that nobody watched: asked of a daemon once it answers. Of a container that is
// still there its inspect tells; of one that was removed, or began again, the die among the last
// 256 events that the daemon remembers, where they reach back to when the life was last seen.
// Where they do not, an exit is told without a code: that of a later life might stand there.
// One loop's thread.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/docker/docker_json.hpp"
#include "agent/runtime/container.hpp"
#include "agent/runtime/runtime_event.hpp"
#include "common/core/clock.hpp"
#include "common/http/client.hpp"

namespace dadvisor::agent {

class MissedExits {
 public:
  // What it needs of the watcher. `get` answers later, or never once stop() was called; `fail`:
  // the daemon does not answer. Either may call back into this object.
  struct Watcher {
    std::function<void(std::string const& target, std::size_t max_reply,
                       std::function<void(Result<http::Response> const&)>)>
        get;
    std::function<void(RuntimeEvent)> tell;
    std::function<void(Error)> fail;
  };
  MissedExits(Watcher watcher, WantedKeys wanted)
      : watcher_(std::move(watcher)), wanted_(std::move(wanted)) {}

  // Lives as they were told last, all of them running; their word may have been under way for some
  // seconds at `seen`. Each is told once, unless it lives.
  void add(std::vector<Container> lives, WallTime seen);
  // The daemon answers to requests of that prefix; until stop().
  void begin(std::string const& prefix, WallTime now);
  void stop() {
    asking_ = false;
    prefix_.reset();
  }

 private:
  struct Missed {
    Container life;
    std::int64_t seen_ns = 0;
  };
  void ask();
  void ask_memory();
  void on_inspect(Result<http::Response> const& reply);
  RuntimeEvent remembered(Missed const& missed) const;

  Watcher watcher_;
  WantedKeys wanted_;
  std::optional<std::string> prefix_;  // while the daemon answers
  WallTime now_{};
  bool asking_ = false;
  std::deque<Missed> missed_;  // the first is being asked about
  std::optional<std::vector<DockerEvent>> memory_;
};

}  // namespace dadvisor::agent
