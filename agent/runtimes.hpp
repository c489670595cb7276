#pragma once
// All container runtimes of this host as one, and what they say together. Docker and containerd are
// told of by the resolver where its socket is there when this begins, else by watchers of our own;
// Mesos is asked over the network by ourselves. One loop's thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/mesos/mesos_watcher.hpp"
#include "agent/names/resolver_client.hpp"
#include "agent/names/watchers.hpp"
#include "agent/runtime/runtime_state.hpp"
#include "agent/settings.hpp"

namespace dadvisor::agent {

class Runtimes {
 public:
  // Begins at once. `on_update`: see WatchersOptions. `memory`: a file for RememberedContainers;
  // empty: none. `loop` and `clock` must outlive it.
  Runtimes(Settings const& settings, http::Loop& loop, Clock const& clock, Log const& log,
           std::function<void(std::string const&)> on_update, std::string const& memory = {});

  std::vector<Container> snapshot();
  std::vector<RuntimeEvent> take_events();
  // See RuntimeSource.
  void events_kept() { names_->events_kept(); }
  RuntimeState state() const;
  // To be called behind each reading; `strangers`: Sampler::has_strangers().
  void look(bool strangers);
  // Whether each has been found or is known to be away.
  bool settled() const;
  // Of Docker and containerd.
  RuntimeReport report() const { return names_->report(); }
  // nullptr where Docker and containerd are asked by ourselves.
  ResolverClient const* resolver() const { return resolver_; }
  // nullptr where none is to be asked.
  MesosWatcher const* mesos() const { return mesos_.get(); }

 private:
  std::unique_ptr<RuntimeSource> names_;
  ResolverClient const* resolver_ = nullptr;  // names_, if that is what it is
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
