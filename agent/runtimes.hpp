#pragma once
// All container runtimes of this host as one: their watchers, those of the settings, and what they
// say together. One loop's thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/containerd/containerd_watcher.hpp"
#include "agent/docker/docker_watcher.hpp"
#include "agent/mesos/mesos_watcher.hpp"
#include "agent/runtime/runtime_state.hpp"
#include "agent/settings.hpp"

namespace dadvisor::agent {

class Runtimes {
 public:
  // Begins at once. `on_update`: see DockerOptions. `loop` and `clock` must outlive it.
  Runtimes(Settings const& settings, http::Loop& loop, Clock const& clock, Log const& log,
           std::function<void(std::string const&)> on_update);

  std::vector<Container> snapshot();
  std::vector<RuntimeEvent> take_events();
  RuntimeState state() const;
  // To be called behind each reading; `strangers`: Sampler::has_strangers().
  void look(bool strangers);
  // Whether each has been found or is known to be away.
  bool settled() const;
  // nullptr where none is to be asked.
  DockerWatcher const* docker() const { return docker_.get(); }
  ContainerdWatcher const* containerd() const { return containerd_.get(); }
  MesosWatcher const* mesos() const { return mesos_.get(); }

 private:
  std::unique_ptr<DockerWatcher> docker_;
  std::unique_ptr<ContainerdWatcher> containerd_;
  std::unique_ptr<MesosWatcher> mesos_;
};

// Calls `then` on the loop once the runtimes know the containers or are known to be away, after two
// seconds at the latest: a first reading before that would take containers for strangers.
class RuntimesSettled {
 public:
  RuntimesSettled(http::Loop& loop, Clock const& clock, Runtimes const& runtimes,
                  std::function<void()> then);

 private:
  void look();
  http::Loop& loop_;
  Clock const& clock_;
  Runtimes const& runtimes_;
  std::function<void()> then_;
  MonotonicTime until_;
  http::Timer timer_;
};

}  // namespace dadvisor::agent
