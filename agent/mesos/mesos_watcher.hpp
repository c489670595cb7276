#pragma once
// What the Mesos agent of this host calls its containers, asked over HTTP: /state, then /containers
// for what that leaves out. There is no stream of changes, so it is asked when the cgroup tree
// shows a container that has no name (at most once a second, and less and less often where the
// answer has none for it), and each minute while there are names; on a host without Mesos nobody is
// asked. It gives names alone: that a container lives, since when and its end are its cgroup's
// word.
//
// While it does not answer the names stay as they were, and it is tried again with a growing pause,
// from 1 to 60 s. Owned by the loop's thread.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/mesos/mesos_json.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/http/client.hpp"
#include "common/http/loop.hpp"
#include "common/http/url.hpp"

namespace dadvisor::agent {

struct MesosOptions {
  http::Url url{{"127.0.0.1", 5051, "", false}, "/"};
  WantedKeys wanted;
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds least_pause{1'000};
  std::chrono::milliseconds most_pause{60'000};
  std::chrono::milliseconds pace{60'000};
  std::size_t max_reply = 16 << 20;
};

struct MesosCounters {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;   // time-outs, broken connections, other answers than 200
  std::uint64_t malformed = 0;  // answers that made no sense
};

class MesosWatcher {
 public:
  // Nothing is asked yet. `loop` and `clock` must outlive it.
  MesosWatcher(http::Loop& loop, Clock const& clock, MesosOptions options, Log log);
  ~MesosWatcher();
  MesosWatcher(MesosWatcher const&) = delete;
  MesosWatcher& operator=(MesosWatcher const&) = delete;

  // To be called once a tick. `strangers`: whether there are Mesos containers without a name.
  void look(bool strangers);
  // Of those that live and those that ended lately: names_only.
  std::vector<Container> snapshot() const;
  // Whether a name may come for a container that has none: not while it does not answer.
  bool expected() const { return !trouble_; }
  bool up() const { return answered_ && !trouble_; }
  // "" until it was told.
  std::string const& cgroups_root() const { return cgroups_root_; }
  MesosCounters const& counters() const { return counters_; }
  std::optional<Error> const& trouble() const { return trouble_; }

 private:
  void ask(char const* target, void (MesosWatcher::*then)(std::string const& body));
  void on_state(std::string const& body);
  void on_containers(std::string const& body);
  void answered();
  void fail(Error error);

  http::Loop& loop_;
  Clock const& clock_;
  MesosOptions options_;
  Log log_;
  bool asking_ = false, answered_ = false;
  std::chrono::milliseconds pause_;
  std::optional<MonotonicTime> next_;  // not before
  std::optional<MonotonicTime> due_;
  std::optional<Error> trouble_;
  std::string cgroups_root_;
  mesos::Names names_, coming_;
  MesosCounters counters_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace dadvisor::agent
