#include "agent/resolver/feed.hpp"

namespace dadvisor::agent {

namespace {

constexpr std::size_t most_kept = 4096;  // events, while nobody takes them
constexpr std::size_t enough = 256 << 10;

}  // namespace

bool Feed::look(RuntimeSource& source) {
  std::set<std::string> due;
  std::map<std::string, Container> now;
  for (auto& one : source.snapshot()) {
    auto const before = containers_.find(one.id);
    if (before == containers_.end() || before->second != one) due.insert(one.id);
    auto id = one.id;
    now.insert_or_assign(std::move(id), std::move(one));
  }
  for (auto const& [id, container] : containers_)
    if (!now.contains(id)) due.insert(id);
  containers_ = std::move(now);

  auto const told = number_;
  for (auto& event : source.take_events()) {
    events_.push_back({++number_, std::move(event)});
    if (events_.size() <= most_kept) continue;
    events_.pop_front();
    ++dropped_;
  }

  bool const settled_now = !settled_ && source.settled();
  settled_ = settled_ || settled_now;
  report_ = source.report();
  report_.dropped += dropped_;
  auto state = line(report_);
  bool const state_changed = settled_now || state != state_;
  state_ = std::move(state);
  for (auto* follower : followers_) {
    follower->due.insert(due.begin(), due.end());
    follower->state_due = follower->state_due || state_changed;
  }
  return !due.empty() || number_ != told || state_changed;
}

void Feed::updated(std::string const& id) {
  for (auto* follower : followers_) follower->updates.insert(id);
}

void Feed::remind() {
  for (auto* follower : followers_) follower->state_due = true;
}

void Feed::follow(Follower& follower) {
  for (auto const& [id, container] : containers_) follower.due.insert(id);
  followers_.insert(&follower);
}

std::string Feed::line(documents::Document const& document) {
  bool cut = false;
  auto text = documents::line_of(document, &cut);
  if (cut) ++cut_;
  return text;
}

std::string Feed::next(Follower& follower) {
  std::string lines;
  if (!follower.greeted) lines = line(hello_);
  follower.greeted = true;
  while (!follower.due.empty() && lines.size() < enough) {
    auto const id = follower.due.extract(follower.due.begin()).value();
    auto const container = containers_.find(id);
    if (container != containers_.end())
      lines += line(container->second);
    else
      lines += line(documents::Gone{id});
  }
  for (auto const& told : events_) {
    if (lines.size() >= enough) break;
    if (told.number <= follower.number) continue;
    follower.number = told.number;
    lines += line(told);
  }
  while (!follower.updates.empty() && lines.size() < enough)
    lines += line(documents::Updated{follower.updates.extract(follower.updates.begin()).value()});
  if (lines.size() < enough && follower.state_due && settled_) {
    follower.state_due = false;
    lines += state_;
  }
  return lines;
}

void Feed::taken(std::string const& run, std::uint64_t number) {
  if (run != hello_.run) return;
  while (!events_.empty() && events_.front().number <= number) events_.pop_front();
}

}  // namespace dadvisor::agent
