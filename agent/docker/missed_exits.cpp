#include "agent/docker/missed_exits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dadvisor::agent {
namespace {

constexpr std::size_t largest_inspect = 8 << 20;
constexpr std::size_t largest_memory = 32 << 20;
// An exit is told some seconds after it at the latest.
constexpr Nanoseconds under_way = std::chrono::seconds(30);

RuntimeEvent exit_of(Container life) {
  life.running = life.paused = false;
  life.pid = 0;
  RuntimeEvent event{RuntimeEvent::Kind::exit, std::move(life), 0, std::nullopt, false};
  event.time_ns = event.container.finished_ns;
  event.exit_code = event.container.exit_code;
  event.oom_killed = event.container.oom_killed;
  return event;
}

}  // namespace

void MissedExits::add(std::vector<Container> lives, WallTime seen) {
  for (auto& life : lives) missed_.push_back({std::move(life), seen.time_since_epoch().count()});
  ask();
}

void MissedExits::begin(std::string const& prefix, WallTime now) {
  prefix_ = prefix;
  now_ = now;
  memory_.reset();
  ask();
}

void MissedExits::ask() {
  if (!prefix_ || asking_) return;
  if (missed_.empty()) return memory_.reset();
  asking_ = true;
  if (!memory_) return ask_memory();
  watcher_.get(*prefix_ + "/containers/" + missed_.front().life.id + "/json", largest_inspect,
               [this](Result<http::Response> const& reply) { on_inspect(reply); });
}

void MissedExits::ask_memory() {
  auto const now = now_.time_since_epoch().count();
  // Bounded by a time that is over, the answer ends where the memory does.
  watcher_.get(fmt::format("{}/events?since=1&until={}.{:09}", *prefix_, now / 1'000'000'000,
                           now % 1'000'000'000),
               largest_memory, [this](Result<http::Response> const& reply) {
                 if (!reply && reply.error().code != Errc::too_large)
                   return watcher_.fail(reply.error());
                 asking_ = false;
                 memory_.emplace();
                 EventReader reader;
                 if (reply && reply->status == 200)
                   (void)reader.feed(reply->body,
                                     [this](auto const& one) { memory_->push_back(one); });
                 ask();
               });
}

void MissedExits::on_inspect(Result<http::Response> const& reply) {
  if (!reply && reply.error().code != Errc::too_large) return watcher_.fail(reply.error());
  asking_ = false;
  auto const missed = std::move(missed_.front());
  missed_.pop_front();
  auto const found = reply && reply->status == 200 ? parse_inspect(reply->body, wanted_)
                                                   : Result<Container>(Error{});
  bool const itself = found && found->started_ns == missed.life.started_ns;
  if (!itself)
    watcher_.tell(remembered(missed));
  else if (!found->running)
    watcher_.tell(exit_of(*found));
  ask();
}

RuntimeEvent MissedExits::remembered(Missed const& missed) const {
  auto event = exit_of(missed.life);
  auto const since =
      std::max(missed.life.started_ns, missed.seen_ns - std::int64_t{under_way.count()});
  bool const all = std::ranges::any_of(*memory_, [&](DockerEvent const& one) {
    return one.time_nano > 0 && one.time_nano <= since;
  });
  if (!all) return event;
  for (auto const& one : *memory_) {
    if (one.id != missed.life.id || one.time_nano < missed.life.started_ns) continue;
    if (one.action == "oom") event.oom_killed = true;
    if (one.action != "die") continue;
    event.time_ns = event.container.finished_ns = one.time_nano;
    event.exit_code = event.container.exit_code = one.exit_code;
    event.container.oom_killed = event.oom_killed;
    return event;
  }
  event.oom_killed = false;
  return event;
}

}  // namespace dadvisor::agent
