#pragma once
// Which containers containerd has, beside those that Docker keeps in it (namespace "moby"), kept up
// to date over its unix socket: the stream of events, then a list of each namespace's containers
// and tasks. What a container is called and was given comes from the container, that it runs from
// its task; lists are the truth where they and what was known differ. containerd tells neither when
// a subscription begins nor what was missed, so a second list follows the first after a moment;
// beyond that nothing is polled but the few names of namespaces, by which a daemon that hangs is
// noticed.
//
// While the daemon is away or hangs, the snapshot stays as it was (tasks live on without it) and
// up_to_date() is false; it is tried again with a growing pause, from 0.1 to 10 s with jitter.
// Owned by the loop's thread.

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/containerd/messages.hpp"
#include "agent/runtime/backoff.hpp"
#include "agent/runtime/container.hpp"
#include "agent/runtime/runtime_counters.hpp"
#include "agent/runtime/runtime_event.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/grpc/client.hpp"
#include "common/http/loop.hpp"

namespace dadvisor::agent {

struct ContainerdOptions {
  std::string socket_path = "/run/containerd/containerd.sock";
  WantedKeys wanted;
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds least_pause{100};
  std::chrono::milliseconds most_pause{10'000};
  std::chrono::milliseconds second_list{2'000};  // after the first
  std::chrono::milliseconds check_pace{60'000};  // notices a daemon that hangs
  // How long the word that memory was the reason may come behind an exit by SIGKILL.
  std::chrono::milliseconds oom_wait{1'000};
  // When a process began, wall clock, ns: containerd keeps no start of a task, and this one is the
  // same after the agent or containerd began anew. nullopt: it has ended.
  std::function<std::optional<std::int64_t>(std::int64_t pid)> started;
  // Called when what the watcher tells may have changed; never from within a call of it.
  std::function<void()> on_change;
};

class ContainerdWatcher {
 public:
  // Begins at once. `loop` and `clock` must outlive it.
  ContainerdWatcher(http::Loop& loop, Clock const& clock, ContainerdOptions options, Log log);
  ~ContainerdWatcher();
  ContainerdWatcher(ContainerdWatcher const&) = delete;
  ContainerdWatcher& operator=(ContainerdWatcher const&) = delete;

  // Those that run, and for a minute those that ended and were not removed.
  std::vector<Container> snapshot();
  // What befell containers since the last call, in the order of its coming. Kept until it is
  // taken, 4096 at the most; beyond, the oldest goes and is counted.
  std::vector<RuntimeEvent> take_events();
  // Whether the picture is whole and the daemon answers.
  bool up_to_date() const { return state_ == State::watching; }
  // Whether a first picture was taken or a first attempt failed: there is nothing to wait for.
  bool settled() const { return settled_; }
  // Why it does not answer, by the last attempt; nullopt once it does.
  std::optional<Error> const& trouble() const { return trouble_; }
  RuntimeCounters const& counters() const { return counters_; }
  // The namespaces that are not Docker's. Empty: containerd is there for Docker alone.
  std::set<std::string> const& namespaces() const { return namespaces_; }

 private:
  enum class State { away, listing, watching };
  struct Known {
    std::string id;  // in its namespace
    Container container;
    bool described = false;  // its container was read
    bool removed = false;    // and there is no more to be asked
    bool asked = false;      // a Get is under way
    bool oom = false;        // an oom event came in this life
    std::optional<MonotonicTime> ended;
    // Not told yet: until it is described, and of an exit by SIGKILL until oom_wait has passed.
    std::vector<RuntimeEvent> held;
    MonotonicTime held_until{};
  };
  // A namespace's list under way.
  struct Listing {
    std::map<std::string, Container> containers;  // by their ids
    std::set<std::string> touched;                // events of these are newer than the list
    bool broken = false;                          // a message of it made no sense
  };

  // What containerd says (containerd_watcher.cpp).
  void begin();
  void subscribe();
  void list();
  void list_namespace(std::string const& name);
  void list_containers(std::string const& name, char const* method);
  void list_tasks(std::string const& name);
  void listed(std::string const& name, std::vector<containerd::Task> const& tasks);
  void ask(std::string const& name, std::string const& id);
  void on_event(containerd::Event const& event);
  void settle();
  void check();
  void fail(Error const& why);
  void changed() {
    if (options_.on_change) options_.on_change();
  }
  void call(std::string const& name_space, char const* method, std::string message,
            std::function<void(std::string_view)> on_message,
            std::function<void(Result<void> const&)> on_end);

  // What befell (containerd_watcher_lives.cpp).
  static std::string key_of(std::string const& name, std::string const& id);
  Known& known_of(std::string const& name, std::string const& id);
  void describe(Known& known, Container container);
  void started(Known& known, std::int64_t pid, std::int64_t time_ns);
  void ended(Known& known, std::optional<std::int64_t> code, std::int64_t time_ns);
  void starved(Known& known, std::int64_t time_ns);
  void removed(Known& known);
  void release(Known& known);
  void give_up(Known& known);
  void sweep();

  http::Loop& loop_;
  Clock const& clock_;
  ContainerdOptions options_;
  Log log_;
  State state_ = State::away;
  bool settled_ = false;
  bool outage_logged_ = false;
  std::optional<Error> trouble_;
  Backoff backoff_;
  std::set<std::string> namespaces_;
  std::map<std::string, Known> known_;  // by "NAMESPACE/ID"
  std::map<std::string, Listing> listings_;
  std::deque<RuntimeEvent> told_;  // and not taken yet
  RuntimeCounters counters_;
  std::unique_ptr<grpc::Client> client_;  // made anew for each attempt: old answers are void
  http::Timer timer_, second_list_;
};

}  // namespace dadvisor::agent
