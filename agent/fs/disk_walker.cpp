#include "agent/fs/disk_walker.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "agent/fs/project_quota.hpp"

namespace dadvisor::agent {

using MonotonicClock = std::chrono::steady_clock;

namespace {

// Refused or not, it goes on.
void become_idle() {
  sched_param const none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  constexpr int of_process = 1, idle_class = 3, class_shift = 13;  // ioprio_set(2)
  ::syscall(SYS_ioprio_set, of_process, 0, idle_class << class_shift);
}

double thread_cpu_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

}  // namespace

struct DiskWalker::State {
  explicit State(DiskWalkerOptions its_options) : options(its_options) {}

  struct Tree {
    MonotonicTime due = MonotonicTime::min();
    std::optional<TreeSize> size;
    std::optional<Project> project;  // that it alone was charged to when it was last counted
  };
  DiskWalkerOptions const options;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> version{0};
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, Tree> trees;
  DiskWalkerCounters counters;
  bool ended = false;
};

DiskWalker::DiskWalker(DiskWalkerOptions options) : state_(std::make_shared<State>(options)) {
  std::thread([state = state_] { run(state); }).detach();
}

DiskWalker::~DiskWalker() {
  state_->stop = true;
  std::unique_lock lock(state_->mutex);
  state_->changed.notify_all();
  state_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return state_->ended; });
}

void DiskWalker::want(std::set<std::string> const& paths) {
  std::lock_guard const lock(state_->mutex);
  bool added = false;
  std::erase_if(state_->trees, [&](auto const& tree) { return !paths.contains(tree.first); });
  for (auto const& path : paths) added = state_->trees.try_emplace(path).second || added;
  if (added) state_->changed.notify_all();
}

std::optional<TreeSize> DiskWalker::size_of(std::string const& path) const {
  std::lock_guard const lock(state_->mutex);
  auto const tree = state_->trees.find(path);
  return tree == state_->trees.end() ? std::nullopt : tree->second.size;
}

std::uint64_t DiskWalker::version() const { return state_->version; }

DiskWalkerCounters DiskWalker::counters() const {
  std::lock_guard const lock(state_->mutex);
  auto counters = state_->counters;
  counters.partial =
      static_cast<std::uint64_t>(std::ranges::count_if(state_->trees, [](auto const& tree) {
        return tree.second.size && tree.second.size->partial;
      }));
  return counters;
}

void DiskWalker::run(std::shared_ptr<State> const& state) {
  become_idle();
  std::unique_lock lock(state->mutex);
  while (!state->stop) {
    auto const next = std::ranges::min_element(state->trees, {},
                                               [](auto const& tree) { return tree.second.due; });
    if (next == state->trees.end()) {
      state->changed.wait(lock);
      continue;
    }
    if (MonotonicClock::now() < next->second.due) {
      state->changed.wait_until(lock, next->second.due);
      continue;
    }
    auto const path = next->first;
    lock.unlock();
    auto const project = project_of(path);
    lock.lock();
    // Of what is charged to one project for several trees each holds a part that nobody tells.
    bool const shared = project && std::ranges::any_of(state->trees, [&](auto const& tree) {
                          return tree.first != path && tree.second.project == project;
                        });
    if (auto const tree = state->trees.find(path); tree != state->trees.end())
      tree->second.project = project;
    lock.unlock();
    Result<TreeSize> size = Error{Errc::unsupported, 0, path};
    if (project && !shared) size = project_size(path, *project);
    bool const by_quota = size.has_value();
    if (!by_quota) size = tree_size(path, state->options.budget, state->stop);
    lock.lock();
    state->counters.cpu_seconds = thread_cpu_seconds();
    if (!size && state->stop) break;
    ++(size ? state->counters.walks : state->counters.failures);
    if (by_quota) ++state->counters.quotas;
    auto const tree = state->trees.find(path);
    if (tree == state->trees.end()) continue;  // not wanted any more
    tree->second.due = MonotonicClock::now() + state->options.pace;
    tree->second.size = size ? std::optional(*size) : std::nullopt;
    ++state->version;
  }
  state->ended = true;
  state->changed.notify_all();
}

}  // namespace dadvisor::agent
