#include "aggregator/notify/notifier.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dadvisor::aggregator::notify {

namespace {

constexpr std::size_t most_remembered = 1000;  // owners that lead nowhere, for the log
constexpr auto longest_wait = std::chrono::seconds(30);
constexpr auto disk_pause = std::chrono::seconds(1);  // after a failed outbox write

using NamedWay = std::pair<std::string, Way>;
std::vector<NamedWay> ways_of(Directory const& directory) {
  std::vector<NamedWay> all;
  for (auto const& [name, receiver] : directory.receivers) {
    for (auto const& hook : receiver.webhook) all.emplace_back(name, hook);
    for (auto const& robot : receiver.robots) all.emplace_back(name, robot);
  }
  return all;
}

std::string key_of(std::string const& name, Way const& way) {
  auto const* robot = std::get_if<Robot>(&way);
  return fmt::format("{}:{}", robot == nullptr ? "webhook" : to_string(robot->vendor), name);
}

}  // namespace

Result<std::unique_ptr<Notifier>> Notifier::open(OutboxOptions options, Directory directory,
                                                 std::vector<std::unique_ptr<Channel>> fixed,
                                                 ChannelOf channel_of, Clock const& clock,
                                                 Log log) {
  auto outbox = Outbox::open(std::move(options), clock.wall(), log);
  if (!outbox) return outbox.error();
  return std::unique_ptr<Notifier>(new Notifier(std::move(*outbox), std::move(directory),
                                                std::move(fixed), std::move(channel_of), clock,
                                                std::move(log)));
}

Notifier::Notifier(Outbox outbox, Directory directory, std::vector<std::unique_ptr<Channel>> fixed,
                   ChannelOf channel_of, Clock const& clock, Log log)
    : channel_of_(std::move(channel_of)),
      clock_(clock),
      log_(std::move(log)),
      directory_(std::move(directory)),
      outbox_(std::move(outbox)) {
  for (auto& channel : fixed) add_runner(std::move(channel), std::nullopt);
  if (!channel_of_) return;
  for (auto const& [name, way] : ways_of(directory_)) add_runner(channel_of_(name, way), way);
}

Notifier::~Notifier() { stop(); }

void Notifier::add_runner(std::unique_ptr<Channel> channel, std::optional<Way> way) {
  auto runner = std::make_unique<Runner>();
  runner->way = std::move(way);
  runner->channel = std::move(channel);
  buckets_.try_emplace(runner->channel->kinds().front(), runner->channel->pace(),
                       clock_.monotonic());
  runners_.push_back(std::move(runner));
}

void Notifier::start(Runner& runner) {
  runner.thread = std::jthread([this, &runner](std::stop_token stop) { run(runner, stop); });
}

void Notifier::start() {
  std::lock_guard const lock(mutex_);
  started_ = true;
  give_up_uncovered();
  for (auto const& runner : runners_) start(*runner);
}

void Notifier::stop() {
  // Nobody else changes the list of runners meanwhile: replace() is not called any more.
  for (auto const& runner : runners_) runner->thread.request_stop();
  for (auto const& runner : runners_)
    if (runner->thread.joinable()) runner->thread.join();
}

void Notifier::replace(Directory directory) {
  std::vector<std::unique_ptr<Runner>> ended;  // joined when nothing is locked
  std::lock_guard const lock(mutex_);
  auto wanted = ways_of(directory);
  directory_ = std::move(directory);
  unroutable_.clear();
  if (!channel_of_) return;
  for (auto const& runner : runners_) {
    if (!runner->way || runner->retired) continue;
    auto const same = std::find_if(wanted.begin(), wanted.end(), [&](auto const& one) {
      return runner->channel->kinds().front() == key_of(one.first, one.second) &&
             *runner->way == one.second;
    });
    if (same == wanted.end())
      runner->retired = true;
    else
      wanted.erase(same);
  }
  for (auto& [name, way] : wanted) {
    add_runner(channel_of_(name, way), way);
    if (started_) start(*runners_.back());
  }
  auto const done = std::partition(runners_.begin(), runners_.end(),
                                   [](auto const& runner) { return !runner->ended; });
  std::move(done, runners_.end(), std::back_inserter(ended));
  runners_.erase(done, runners_.end());
  give_up_uncovered();
  wake_.notify_all();
}

void Notifier::give_up_uncovered() {
  auto const gone = outbox_.give_up(
      [this](std::string const& receiver) { return has_channel(receiver); }, clock_.wall());
  for (auto const& [receiver, notices] : gone) {
    counters_.receiver_gone += notices;
    log_.error("{} is in the notify file no more: {} notices for it are given up", receiver,
               notices);
  }
  if (auto done = outbox_.sync(); !done) log_.error("outbox: {}", to_string(done.error()));
}

Result<void> Notifier::deliver(std::vector<alert::Transition> const& notices) {
  std::lock_guard const lock(mutex_);
  auto const now = clock_.wall();
  for (auto const& notice : notices) {
    std::vector<std::string> unknown;
    auto const receivers = route(notice, directory_, unknown);
    for (auto const& owner : unknown)
      if (unroutable_.size() < most_remembered && unroutable_.insert(owner).second)
        log_.warning("owner {} (rule {}) is not in owners: and is no address{}", owner, notice.rule,
                     directory_.fallback.empty() ? "" : "; fallback is told");
    if (std::none_of(receivers.begin(), receivers.end(),
                     [this](std::string const& receiver) { return has_channel(receiver); }))
      ++counters_.unroutable;
    outbox_.plan(notice, receivers, now);
  }
  auto done = outbox_.sync();
  if (!done) return done.error().within("outbox");
  wake_.notify_all();
  return {};
}

bool Notifier::has_channel(std::string const& receiver) const {
  return std::any_of(runners_.begin(), runners_.end(), [&](auto const& runner) {
    auto const& kinds = runner->channel->kinds();
    return !runner->retired && std::any_of(kinds.begin(), kinds.end(), [&](auto const& kind) {
      return covers(kind, receiver);
    });
  });
}

std::optional<WallTime> Notifier::next_due(Channel const& channel) const {
  std::optional<WallTime> least;
  for (auto const& kind : channel.kinds())
    if (auto const due = outbox_.next_due(kind); due && (!least || *due < *least)) least = due;
  return least;
}

void Notifier::run(Runner& runner, std::stop_token const& stop) {
  auto& channel = *runner.channel;
  std::unique_lock lock(mutex_);
  auto& bucket = buckets_.at(channel.kinds().front());
  auto const retired = [&] { return runner.retired; };
  while (!stop.stop_requested() && !runner.retired) {
    auto const now = clock_.wall();
    if (auto const pause = bucket.wait(clock_.monotonic()); pause > Nanoseconds::zero()) {
      wake_.wait_for(lock, stop, pause, retired);
      continue;
    }
    std::optional<Batch> batch;
    for (auto const& kind : channel.kinds()) {
      batch = outbox_.take(kind, now, bucket.last(clock_.monotonic()));
      if (batch) break;
    }
    if (!batch) {
      auto const due = next_due(channel);
      auto const wait =
          due ? std::clamp<Nanoseconds>(*due - now, std::chrono::milliseconds(1), longest_wait)
              : Nanoseconds(longest_wait);
      wake_.wait_for(lock, stop, wait, [&] {
        auto const next = next_due(channel);
        return runner.retired || next != due || (next && *next <= clock_.wall());
      });
      continue;
    }
    // That it is on its way is on disk first: after a crash it counts as perhaps arrived. Where
    // the disk refuses, sending goes on; the worst is a message twice.
    if (auto done = outbox_.sync(); !done) log_.error("outbox: {}", to_string(done.error()));
    bucket.take(clock_.monotonic());
    lock.unlock();
    auto const delivery = channel.deliver(*batch, stop);
    lock.lock();
    if (auto const penalty = channel.penalty(); penalty > Nanoseconds::zero())
      bucket.shut(clock_.monotonic() + penalty);
    outbox_.complete(*batch, delivery.outcome, delivery.detail, clock_.wall());
    report(*batch, delivery);
    if (auto done = outbox_.sync(); !done) {
      log_.error("outbox: {}", to_string(done.error()));
      wake_.wait_for(lock, stop, disk_pause, retired);
    }
  }
  if (!runner.retired) return;
  // What it could not deliver goes to its successor, or to nobody.
  runner.ended = true;
  give_up_uncovered();
  wake_.notify_all();
}

void Notifier::report(Batch const& batch, curl::Delivery const& delivery) {
  auto const& first = batch.notices.front();
  if (delivery.outcome == curl::Outcome::sent) {
    ++counters_.messages_sent;
    bool const back = failing_.erase(batch.receiver) > 0;
    log_.info("{} told of {} ({} notices){}", batch.receiver, first.state.incident,
              batch.notices.size(), back ? "; it takes messages again" : "");
    return;
  }
  ++counters_.messages_failed;
  if (delivery.outcome == curl::Outcome::permanent)
    log_.error("{} refuses {} for good: {}", batch.receiver, first.state.incident, delivery.detail);
  else if (failing_.insert(batch.receiver).second)
    log_.warning("{} not told of {} ({}), again later: {}", batch.receiver, first.state.incident,
                 curl::to_string(delivery.outcome), delivery.detail);
}

NotifyCounters Notifier::counters() const {
  std::lock_guard const lock(mutex_);
  auto counters = counters_;
  counters.outbox = outbox_.counters();
  if (auto const oldest = outbox_.oldest_waiting())
    counters.oldest_waiting = std::max(clock_.wall() - *oldest, Nanoseconds::zero());
  return counters;
}

std::vector<Entry> Notifier::entries() const {
  std::lock_guard const lock(mutex_);
  return outbox_.entries();
}

}  // namespace dadvisor::aggregator::notify
