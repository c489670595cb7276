#include "aggregator/rollup/readiness.hpp"

#include <algorithm>

#include "aggregator/rollup/host_window.hpp"

namespace dadvisor::aggregator::rollup {

Readiness::Readiness(ReadinessOptions options, std::set<std::string> known,
                     std::optional<WallTime> resume_after, WallTime now)
    : options_(options),
      awaited_(std::move(known)),
      started_(now),
      last_(std::clamp(resume_after.value_or(now), now - options.longest_absence, now)),
      last_step_(options.default_step) {}

void Readiness::delivered(std::string const& agent, WallTime tick, Nanoseconds step) {
  if (step <= Nanoseconds::zero()) return;
  awaited_.erase(agent);
  Agent& its = agents_[agent];
  if (tick < its.last_tick) return;  // from its backlog
  its.last_tick = tick;
  its.step = step;
}

bool Readiness::settled(WallTime now) {
  if (!awaited_.empty() && now - started_ >= options_.restart_wait) awaited_.clear();
  return awaited_.empty();
}

// The grid of ticks is that of the fastest live agent; when none lives, the last one's.
Nanoseconds Readiness::step_at(WallTime tick) const {
  std::optional<Nanoseconds> shortest;
  for (auto const& [name, agent] : agents_)
    if (agent.last_tick + live_steps * agent.step >= tick)
      shortest = std::min(shortest.value_or(agent.step), agent.step);
  return shortest.value_or(last_step_);
}

ReadyTick Readiness::look_at(WallTime tick) const {
  ReadyTick seen;
  seen.tick = tick;
  for (auto const& [name, agent] : agents_) {
    bool const due = tick == tick_of(tick, agent.step);
    if (!due || agent.last_tick + live_steps * agent.step < tick) continue;
    ++seen.live;
    // An agent that is past the tick will not deliver it any more, or did so long ago.
    if (agent.last_tick < tick) ++seen.missing;
  }
  return seen;
}

std::vector<ReadyTick> Readiness::poll(WallTime now) {
  std::vector<ReadyTick> ready;
  if (!settled(now)) return ready;
  for (;;) {
    Nanoseconds const step = step_at(last_);
    WallTime const next = tick_of(last_, step) + step;
    if (next > now) break;
    ReadyTick seen = look_at(next);
    bool const complete = seen.live > 0 && seen.missing == 0;
    if (!complete && now - next < options_.grace) break;
    seen.step = step;
    last_ = next;
    last_step_ = step;
    open_.push_back(next);
    ready.push_back(seen);
  }
  return ready;
}

std::vector<WallTime> Readiness::poll_closed(WallTime now) {
  std::vector<WallTime> closed;
  while (!open_.empty() && now - open_.front() >= options_.close_after) {
    closed.push_back(open_.front());
    open_.pop_front();
  }
  return closed;
}

}  // namespace dadvisor::aggregator::rollup
