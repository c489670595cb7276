#include "agent/cgroup/cgroup_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

namespace {

// Parents of containers are few; a host of thousands of slices must not eat the user's watches.
constexpr std::size_t most_parents = 256;
constexpr std::size_t most_containers = 8192;
// Cgroups of v1 may be renamed (rename(2) within their parent).
constexpr std::uint32_t parent_events =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW;
constexpr std::uint32_t container_events = IN_MODIFY | IN_ONLYDIR | IN_DONT_FOLLOW;

// A process in the cgroup or, where it has none itself, in one below it; 0: nobody.
std::int64_t a_process(std::string const& directory, ReadBuffer& buffer, int depth = 4) {
  auto const text = read_once(directory + "/cgroup.procs", buffer);
  std::string_view rest = text ? *text : std::string_view();
  while (!rest.empty())  // 0: a process that we do not see
    if (auto const pid = scan_integer(take_word(rest)).value_or(0); pid > 0) return pid;
  if (depth == 0) return 0;
  for (auto const& child : child_cgroups(directory))
    if (auto const pid = a_process(directory + "/" + child, buffer, depth - 1); pid > 0) return pid;
  return 0;
}

}  // namespace

CgroupWatch::CgroupWatch(bool processes)
    : processes_(processes),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = inotify_.get();
  if (inotify_) ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, inotify_.get(), &event);
}

void CgroupWatch::begin(CgroupMount mount, PathRules rules) {
  for (auto const& [number, watched] : watched_) ::inotify_rm_watch(inotify_.get(), number);
  watched_.clear();
  parents_.clear();
  followed_.clear();
  of_process_.clear();
  changes_ = {};
  mount_ = std::move(mount);
  rules_ = std::move(rules);
}

int CgroupWatch::add_watch(std::string const& path, std::uint32_t mask) {
  if (!inotify_) return -1;
  return ::inotify_add_watch(inotify_.get(), directory_of(mount_, path).c_str(), mask);
}

// Whether it is watched from now on and was not before.
bool CgroupWatch::watch_parent(std::string const& path) {
  auto const known = parents_.find(path);
  if (known != parents_.end() && !overflowed_) return false;
  bool const fits = known != parents_.end() || parents_.size() < most_parents;
  int const number = fits ? add_watch(path, parent_events) : -1;
  if (known != parents_.end()) {
    if (known->second == number) return false;  // the very directory that was watched
    watched_.erase(known->second);
    parents_.erase(known);
  }
  whole_ = whole_ && number >= 0;
  if (number < 0) return false;
  watched_[number] = {path, false};
  parents_[path] = number;
  return true;
}

void CgroupWatch::follow(CgroupTree const& tree, Listener& listener) {
  whole_ = true;
  // What was made in one since the walk looked into it, the next walk finds.
  for (auto const& parent : tree.parents)
    if (watch_parent(parent)) changes_.unknown = true;
  overflowed_ = false;
  std::map<std::string_view, std::uint64_t> there;
  for (auto const& found : tree.containers) {
    if (!found.container.parent.empty()) continue;
    there.emplace(found.container.path, found.inode);
  }
  for (auto one = followed_.begin(); one != followed_.end();) {
    auto const next = std::next(one);
    auto const found = there.find(one->first);
    if (found == there.end() || found->second != one->second.container.inode) drop(one, listener);
    one = next;
  }
  for (auto const& found : tree.containers)
    if (found.container.parent.empty()) add(found, false, listener);
}

// What was made under a directory before that was watched is looked for.
void CgroupWatch::enter(std::string const& path, int depth, Listener& listener) {
  auto const match = match_container(path, rules_);
  if (match) {
    if (match->path != path || !match->parent.empty()) return;
    struct stat of {};
    if (::stat(directory_of(mount_, path).c_str(), &of) != 0) return;
    changes_.containers.insert(path);
    return add({*match, static_cast<std::uint64_t>(of.st_ino)}, true, listener);
  }
  if (depth > deepest_cgroup) return;
  changes_.parents = true;
  watch_parent(path);
  for (auto const& child : child_cgroups(directory_of(mount_, path)))
    enter(path + "/" + child, depth + 1, listener);
}

void CgroupWatch::add(FoundContainer const& found, bool made, Listener& listener) {
  auto const known = followed_.find(found.container.path);
  if (known != followed_.end()) {
    if (known->second.container.inode == found.inode) return;
    drop(known, listener);
  }
  if (followed_.size() >= most_containers) {
    changes_.unknown = true;
    whole_ = false;
    return;
  }
  auto& followed = followed_[found.container.path];
  followed.container = found;
  followed.made = made;
  followed.watch = add_watch(found.container.path, container_events);
  if (followed.watch >= 0) watched_[followed.watch] = {found.container.path, true};
  look(followed, listener);
}

void CgroupWatch::drop(std::map<std::string, Followed, std::less<>>::iterator one,
                       Listener& listener) {
  // Out of the maps first: who listens may ask anything.
  Followed const gone = std::move(one->second);
  followed_.erase(one);
  if (gone.process) of_process_.erase(gone.process.get());
  // Its watch goes with the directory, unless that only was moved away.
  if (gone.watch >= 0 && watched_.erase(gone.watch) > 0)
    ::inotify_rm_watch(inotify_.get(), gone.watch);
  listener.removed(gone.container);
}

void CgroupWatch::look(Followed& followed, Listener& listener) {
  constexpr int tries = 8;
  auto const directory = directory_of(mount_, followed.container.container.path);
  for (int i = 0; i < tries; ++i) {
    auto const pid = a_process(directory, buffer_);
    if (pid <= 0) {
      if (followed.populated) listener.ending(followed.container);
      followed.populated = false;
      followed.pid = 0;
      return;
    }
    if (!followed.populated) {
      followed.populated = true;
      listener.populated(followed.container, followed.made);
    }
    if (pid == followed.pid || !processes_) return;
    if (followed.process) of_process_.erase(followed.process.get());
    followed.process = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!followed.process && errno == ESRCH) continue;  // it has ended since it was listed
    followed.pid = pid;
    if (!followed.process) return;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = followed.process.get();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, followed.process.get(), &event) != 0)
      followed.process.reset();
    else
      of_process_[followed.process.get()] = followed.container.container.path;
    return;
  }
}

void CgroupWatch::serve(Listener& listener) {
  constexpr int at_once = 64;
  for (;;) {
    std::array<epoll_event, at_once> events;
    int const n = ::epoll_wait(epoll_.get(), events.data(), at_once, 0);
    if (n <= 0) return;
    bool notices = false;
    // Ends first: their figures may be gone in a moment.
    for (int i = 0; i < n; ++i) {
      int const file = events[static_cast<std::size_t>(i)].data.fd;
      if (file == inotify_.get()) {
        notices = true;
        continue;
      }
      auto const process = of_process_.find(file);
      if (process == of_process_.end()) continue;
      auto& followed = followed_.at(process->second);
      listener.ending(followed.container);
      of_process_.erase(process);
      followed.process.reset();
      followed.pid = 0;
      look(followed, listener);
    }
    if (notices) read_notices(listener);
  }
}

void CgroupWatch::read_notices(Listener& listener) {
  alignas(inotify_event) std::array<char, 16384> buffer;
  ssize_t const n = ::read(inotify_.get(), buffer.data(), buffer.size());
  for (std::size_t at = 0; n > 0 && at < static_cast<std::size_t>(n);) {
    auto const* event = reinterpret_cast<inotify_event const*>(buffer.data() + at);
    at += sizeof(inotify_event) + event->len;
    if (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) changes_.unknown = true;
    // That a watch went with its directory may be among what is lost.
    if (event->mask & IN_Q_OVERFLOW) overflowed_ = true;
    auto const watched = watched_.find(event->wd);
    if (watched == watched_.end()) continue;
    if (event->mask & IN_IGNORED) {
      // A watched directory that was removed takes its watch along.
      if (!watched->second.container) {
        parents_.erase(watched->second.path);
        changes_.parents = true;
      }
      watched_.erase(watched);
      changes_.unknown = changes_.unknown || !whole_;
      continue;
    }
    std::string_view const name = event->len > 0 ? event->name : "";
    if (watched->second.container) {
      if (name != "cgroup.procs" && name != "tasks" && name != "cgroup.events") continue;
      if (auto const one = followed_.find(watched->second.path); one != followed_.end())
        look(one->second, listener);
      continue;
    }
    if (!(event->mask & IN_ISDIR)) continue;
    auto const path = watched->second.path + "/" + std::string(name);
    changes_.unknown =
        changes_.unknown || !whole_ || (event->mask & (IN_MOVED_FROM | IN_MOVED_TO)) != 0;
    if (event->mask & IN_CREATE) enter(path, 0, listener);
    if (event->mask & IN_DELETE)
      if (auto const one = followed_.find(path); one != followed_.end()) {
        changes_.containers.insert(path);
        // One of the same name may stand there by now.
        drop(one, listener);
        struct stat of {};
        if (::stat(directory_of(mount_, path).c_str(), &of) == 0) enter(path, 0, listener);
      }
  }
}

FoundContainer const* CgroupWatch::at(std::string_view path) const {
  auto const one = followed_.find(path);
  return one == followed_.end() ? nullptr : &one->second.container;
}

std::vector<std::string> CgroupWatch::parents() const {
  std::vector<std::string> paths;
  paths.reserve(parents_.size());
  for (auto const& [path, number] : parents_) paths.push_back(path);
  return paths;
}

}  // namespace dadvisor::agent
