#pragma once
// The watchers of Docker and containerd as one, each where a socket of it is named. Only what the
// allow-list names is kept of labels and environments. One loop's thread.

#include <functional>
#include <memory>
#include <string>

#include "agent/containerd/containerd_watcher.hpp"
#include "agent/docker/docker_watcher.hpp"
#include "agent/runtime/runtime_source.hpp"

namespace dadvisor::agent {

struct WatchersOptions {
  std::string docker_socket;      // empty: Docker is not asked
  std::string containerd_socket;  // empty: containerd is not asked
  std::string proc_root = "/proc";
  // Called for a container whose limits or other settings were changed (docker update).
  std::function<void(std::string const& id)> on_update;
  // Called when what the watchers tell may have changed; never from within a call of theirs.
  std::function<void()> on_change;
};

class Watchers final : public RuntimeSource {
 public:
  // Begins at once. `loop` and `clock` must outlive it.
  Watchers(http::Loop& loop, Clock const& clock, WatchersOptions options, Log const& log);

  std::vector<Container> snapshot() override;
  std::vector<RuntimeEvent> take_events() override;
  // containerd forgets an end with who it told: of its lives nothing but that is told.
  void missed(std::vector<Container> lives, WallTime seen) override;
  void events_kept() override {}  // who takes them shares this process' fate
  RuntimeReport report() const override;
  bool settled() const override;

 private:
  std::function<void()> on_change_;
  std::vector<RuntimeEvent> unknown_;  // ends of which nobody can be asked
  std::unique_ptr<DockerWatcher> docker_;
  std::unique_ptr<ContainerdWatcher> containerd_;
};

}  // namespace dadvisor::agent
