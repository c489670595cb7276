#pragma once
// Which containers there are, kept up to date from the Docker API over its unix socket: the event
// stream, then one list, then one inspect per container that is new or that an event names. No
// polling. What an inspect says is the truth; events and lists only tell what to inspect, so their
// order and their losses do no harm.
//
// While the daemon is away or hangs, the snapshot stays as it was (containers may live on without
// it) and up_to_date() is false; it is tried again with a growing pause, from 0.1 to 10 s with
// jitter, and the stream resumes at the last event seen. Owned by the loop's thread.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/docker/docker_json.hpp"
#include "agent/docker/missed_exits.hpp"
#include "agent/runtime/backoff.hpp"
#include "agent/runtime/container.hpp"
#include "agent/runtime/runtime_counters.hpp"
#include "agent/runtime/runtime_event.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/http/client.hpp"
#include "common/http/loop.hpp"

namespace dadvisor::agent {

struct DockerOptions {
  std::string socket_path = "/var/run/docker.sock";
  WantedKeys wanted;
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds least_pause{100};
  std::chrono::milliseconds most_pause{10'000};
  std::chrono::milliseconds ping_pace{60'000};  // notices a daemon that hangs
  std::size_t max_list = 64 << 20;
  // Called for a container whose limits or other settings were changed (docker update).
  std::function<void(std::string const& id)> on_update;
  // Called when what the watcher tells may have changed; never from within a call of it.
  std::function<void()> on_change;
};

class DockerWatcher {
 public:
  // Begins at once. `loop` and `clock` must outlive it.
  DockerWatcher(http::Loop& loop, Clock const& clock, DockerOptions options, Log log);
  ~DockerWatcher();
  DockerWatcher(DockerWatcher const&) = delete;
  DockerWatcher& operator=(DockerWatcher const&) = delete;

  // Those that run, and for a minute those that ended. By id.
  std::vector<Container> snapshot();
  // What befell containers since the last call, in the order of its coming. Kept until it is
  // taken, 4096 at the most; beyond, the oldest goes and is counted.
  std::vector<RuntimeEvent> take_events();
  // See RuntimeSource: lives of this daemon's containers.
  void missed(std::vector<Container> lives, WallTime seen) { missed_.add(std::move(lives), seen); }
  // Whether the picture is whole and the daemon answers.
  bool up_to_date() const { return state_ == State::watching; }
  // Whether a first picture was taken or a first attempt failed: there is nothing to wait for.
  bool settled() const { return settled_; }
  // Why it does not answer, by the last attempt; nullopt once it does.
  std::optional<Error> const& trouble() const { return trouble_; }
  RuntimeCounters const& counters() const { return counters_; }

 private:
  // away -> greeting (ping, version) -> listing (stream open, list and its inspects under way) ->
  // watching; any failure -> away.
  enum class State { away, greeting, listing, watching };
  struct Known {
    Container container;
    std::optional<MonotonicTime> ended;
    bool oom = false;  // an oom event came in this life
    // An exit by SIGKILL: only an inspect tells whether the kernel did it for the memory. Told when
    // that is answered, or cannot be.
    std::optional<RuntimeEvent> held;
  };

  void greet();
  void on_ping(Result<http::Response> const& reply);
  void open_stream();
  void list();
  void on_list(Result<http::Response> const& reply);
  void on_event(DockerEvent const& event);
  bool seen_before(DockerEvent const& event);
  void want(std::string const& id);
  void inspect_next();
  void on_inspect(std::string const& id, Result<http::Response> const& reply);
  void apply(Container container);
  void ended(Known& known, DockerEvent const& event);
  void tell(RuntimeEvent event);
  void tell_exit(Container const& container, bool oom);
  void release(Known& known);
  void on_oom(DockerEvent const& event);
  void forget(std::string const& id, DockerEvent const& event);
  void settle();
  void watch_hang();
  void fail(Error why);
  void changed() {
    if (options_.on_change) options_.on_change();
  }
  void get(std::string const& target, std::size_t max_reply,
           std::function<void(Result<http::Response> const&)> callback);

  http::Loop& loop_;
  Clock const& clock_;
  DockerOptions options_;
  Log log_;
  State state_ = State::away;
  bool settled_ = false;
  bool outage_logged_ = false;
  std::optional<Error> trouble_;
  bool malformed_logged_ = false;
  bool versioned_ = true;        // false once the daemon refused our version
  std::string prefix_;           // "/v1.41"
  std::int64_t last_event_ = 0;  // its timeNano
  Backoff backoff_;
  std::deque<RuntimeEvent> told_;  // and not taken yet
  std::map<std::string, Known> known_;
  std::deque<std::string> wanted_;          // to be inspected
  std::set<std::string> queued_;            // those in wanted_
  std::map<std::string, bool> inspecting_;  // under way; true: an event came meanwhile
  std::deque<DockerEvent> recent_;          // for telling duplicates, newest last
  std::set<DockerEvent> recent_set_;
  RuntimeCounters counters_;
  MissedExits missed_;
  EventReader events_;
  std::unique_ptr<http::Client> client_;  // made anew for each attempt: old answers are void
  std::unique_ptr<http::Stream> stream_;
  http::Timer timer_;
};

}  // namespace dadvisor::agent
