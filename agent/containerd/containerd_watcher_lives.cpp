// What is known of each container, and what befell it: by lists and events alike.

#include <algorithm>

#include "agent/containerd/containerd_watcher.hpp"

namespace dadvisor::agent {

namespace {

constexpr std::size_t most_told = 4096;
constexpr std::int64_t killed = 128 + 9;  // the exit code of what SIGKILL ended
constexpr auto keep_ended = std::chrono::minutes(1);

}  // namespace

std::string ContainerdWatcher::key_of(std::string const& name, std::string const& id) {
  return name + "/" + id;
}

ContainerdWatcher::Known& ContainerdWatcher::known_of(std::string const& name,
                                                      std::string const& id) {
  auto const [place, added] = known_.try_emplace(key_of(name, id));
  auto& known = place->second;
  if (added) {
    known.id = id;
    known.container.id = containerd::unique_id(name, id);
    known.container.runtime = "containerd";
    known.ended = clock_.monotonic();
  }
  return known;
}

// Names, labels and the like are the container's; how it is, the task's.
void ContainerdWatcher::describe(Known& known, Container container) {
  auto const& was = known.container;
  container.pid = was.pid;
  container.running = was.running;
  container.paused = was.paused;
  container.started_ns = was.started_ns;
  container.finished_ns = was.finished_ns;
  container.exit_code = was.exit_code;
  container.oom_killed = was.oom_killed;
  for (auto& event : known.held) {
    Container life = container;
    life.running = event.container.running;
    life.pid = event.container.pid;
    life.started_ns = event.container.started_ns;
    life.finished_ns = event.container.finished_ns;
    life.exit_code = event.container.exit_code;
    event.container = std::move(life);
  }
  known.container = std::move(container);
  known.described = true;
  known.removed = false;
  release(known);
}

void ContainerdWatcher::started(Known& known, std::int64_t pid, std::int64_t time_ns) {
  auto& container = known.container;
  if (container.running && container.pid == pid) return;
  ended(known, std::nullopt, 0);  // an end that nobody told
  container.started_ns = options_.started(pid).value_or(
      time_ns > 0 ? time_ns : clock_.wall().time_since_epoch().count());
  container.running = true;
  container.paused = false;
  container.pid = pid;
  container.finished_ns = 0;
  container.exit_code.reset();
  container.oom_killed = false;
  known.oom = false;
  known.removed = false;
  known.ended.reset();
  if (counters_.connects > 0) ++counters_.starts;
}

void ContainerdWatcher::ended(Known& known, std::optional<std::int64_t> code,
                              std::int64_t time_ns) {
  auto& container = known.container;
  if (!container.running) return;
  ++counters_.exits;
  container.running = false;
  container.paused = false;
  container.pid = 0;
  container.finished_ns = time_ns;
  container.exit_code = code;
  container.oom_killed = known.oom;
  known.ended = clock_.monotonic();
  known.held_until = *known.ended;
  if (code == killed && !known.oom) known.held_until += options_.oom_wait;
  known.held.push_back({RuntimeEvent::Kind::exit, container, time_ns, code, known.oom});
  release(known);
}

void ContainerdWatcher::starved(Known& known, std::int64_t time_ns) {
  ++counters_.ooms;
  known.oom = true;
  known.container.oom_killed = !known.container.running;
  // The exit that it led to may have come first.
  auto const mark = [&life = known.container](RuntimeEvent& event) {
    if (event.kind == RuntimeEvent::Kind::exit && event.container.id == life.id &&
        event.container.started_ns == life.started_ns)
      event.oom_killed = event.container.oom_killed = true;
  };
  std::ranges::for_each(known.held, mark);
  std::ranges::for_each(told_, mark);
  known.held_until = clock_.monotonic();
  known.held.push_back({RuntimeEvent::Kind::oom, known.container, time_ns, std::nullopt, false});
  release(known);
}

void ContainerdWatcher::removed(Known& known) {
  ended(known, std::nullopt, 0);
  known.removed = true;
}

// Tells what was held, if nothing more of it can come.
void ContainerdWatcher::release(Known& known) {
  if (!known.described || known.held_until > clock_.monotonic()) return;
  for (auto& event : known.held) {
    told_.push_back(std::move(event));
    if (told_.size() <= most_told) continue;
    told_.pop_front();
    ++counters_.dropped;
  }
  known.held.clear();
}

// Nobody will ever say what it was.
void ContainerdWatcher::give_up(Known& known) {
  if (known.described) return;
  counters_.untold += static_cast<std::uint64_t>(std::ranges::count(
      known.held, RuntimeEvent::Kind::exit, [](auto const& event) { return event.kind; }));
  known.held.clear();
  if (!known.container.running) known.removed = true;
}

void ContainerdWatcher::sweep() {
  auto const now = clock_.monotonic();
  for (auto one = known_.begin(); one != known_.end();) {
    auto& known = one->second;
    release(known);
    bool const over = !known.container.running && !known.asked && known.held.empty() &&
                      (known.removed || (known.ended && now - *known.ended > keep_ended));
    one = over ? known_.erase(one) : std::next(one);
  }
}

std::vector<Container> ContainerdWatcher::snapshot() {
  sweep();
  std::vector<Container> containers;
  containers.reserve(known_.size());
  for (auto const& [key, known] : known_)
    if (known.described && known.container.started_ns > 0) containers.push_back(known.container);
  return containers;
}

std::vector<RuntimeEvent> ContainerdWatcher::take_events() {
  sweep();
  std::vector<RuntimeEvent> events(std::make_move_iterator(told_.begin()),
                                   std::make_move_iterator(told_.end()));
  told_.clear();
  return events;
}

}  // namespace dadvisor::agent
