#pragma once
// Tells at once when a container's cgroup is made, gets processes, loses them or is removed: so
// that a container which lives shorter than a tick is seen all the same, and its last figures are
// read while they are there (a removed cgroup says nothing any more).
//
// inotify(7) on the directories that containers are made in and on those of the containers (a
// process that is moved in is a write to cgroup.procs; v2 tells of an emptied tree by a change of
// cgroup.events), and a pidfd (pidfd_open(2), Linux 5.3) for one process of each: exit_notify()
// in kernel/exit.c wakes who polls it before it wakes the parent, so that there is time to read.
// Without pidfds, and without inotify (no instance or watch left), walks tell what they can.
// Not thread-safe; the sampler's thread owns it.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/cgroup/container_walk.hpp"
#include "agent/host/kernel_file.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::agent {

class CgroupWatch {
 public:
  // Who is told. The calls come from within serve() and follow().
  class Listener {
   public:
    virtual ~Listener() = default;
    // It has processes; once in a life at least, possibly again. `made`: its making was seen, so
    // all that it does was done since.
    virtual void populated(FoundContainer const& container, bool made) = 0;
    // A process ended and may have been the last: now its counters can be read. Told again when
    // another one was.
    virtual void ending(FoundContainer const& container) = 0;
    virtual void removed(FoundContainer const& container) = 0;
  };

  // `processes`: whether process ids in these trees are those of this kernel (in fixtures not).
  explicit CgroupWatch(bool processes);

  // epoll(7): readable when serve() has something to do. Lasts as long as this object.
  int descriptor() const { return epoll_.get(); }

  // Follows what is and what comes under this mount; forgets any other.
  void begin(CgroupMount mount, PathRules rules);
  // What a walk of it saw: begins with the containers that were missed, ends with those that went.
  void follow(CgroupTree const& tree, Listener& listener);
  // Tells what befell since the last call, without waiting.
  void serve(Listener& listener);

  // What came and went since the last call.
  struct Changes {
    bool unknown = false;                           // something that a walk must tell
    bool parents = false;                           // directories in no container
    std::set<std::string, std::less<>> containers;  // where one came or went, by path; or both
    bool any() const { return unknown || parents || !containers.empty(); }
  };
  Changes take_changes() { return std::exchange(changes_, {}); }
  // The container in no other that is at a path now; nullptr: none, or it is not followed.
  FoundContainer const* at(std::string_view path) const;
  // The directories in no container that are watched, by path.
  std::vector<std::string> parents() const;

 private:
  struct Followed {
    FoundContainer container;
    int watch = -1;        // inotify's number
    Fd process;            // a pidfd
    std::int64_t pid = 0;  // its process, or one that no pidfd could be had of
    bool populated = false, made = false;
  };
  struct Watched {
    std::string path;
    bool container = false;
  };

  bool watch_parent(std::string const& path);
  void enter(std::string const& path, int depth, Listener& listener);
  void add(FoundContainer const& found, bool made, Listener& listener);
  void drop(std::map<std::string, Followed, std::less<>>::iterator one, Listener& listener);
  void look(Followed& followed, Listener& listener);
  void read_notices(Listener& listener);
  int add_watch(std::string const& path, std::uint32_t mask);

  bool processes_;
  Fd epoll_, inotify_;
  CgroupMount mount_;
  PathRules rules_;
  std::map<int, Watched> watched_;                         // by inotify's number
  std::map<std::string, int> parents_;                     // by path
  std::map<std::string, Followed, std::less<>> followed_;  // by path
  std::unordered_map<int, std::string> of_process_;        // a pidfd -> its container's path
  ReadBuffer buffer_;
  Changes changes_;
  bool overflowed_ = false;  // notices were lost since the last walk
  bool whole_ = true;        // all directories that the last walk saw are watched, and those since
};

}  // namespace dadvisor::agent
