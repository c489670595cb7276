#include "aggregator/notify/notifier.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dadvisor::aggregator::notify {

namespace {

constexpr std::size_t most_remembered = 1000;  // owners that lead nowhere, for the log
constexpr auto longest_wait = std::chrono::seconds(30);
constexpr auto disk_pause = std::chrono::seconds(1);  // after a failed outbox write

}  // namespace

Result<std::unique_ptr<Notifier>> Notifier::open(OutboxOptions options, Directory directory,
                                                 std::vector<std::unique_ptr<Channel>> channels,
                                                 Clock const& clock, Log log) {
  auto outbox = Outbox::open(std::move(options), clock.wall(), log);
  if (!outbox) return outbox.error();
  return std::unique_ptr<Notifier>(new Notifier(std::move(*outbox), std::move(directory),
                                                std::move(channels), clock, std::move(log)));
}

Notifier::Notifier(Outbox outbox, Directory directory,
                   std::vector<std::unique_ptr<Channel>> channels, Clock const& clock, Log log)
    : directory_(std::move(directory)),
      channels_(std::move(channels)),
      clock_(clock),
      log_(std::move(log)),
      outbox_(std::move(outbox)) {}

Notifier::~Notifier() { stop(); }

void Notifier::start() {
  {
    std::lock_guard const lock(mutex_);
    outbox_.give_up([this](std::string const& receiver) { return has_channel(receiver); },
                    clock_.wall());
    if (auto done = outbox_.sync(); !done) log_.error("outbox: {}", to_string(done.error()));
  }
  for (auto const& channel : channels_)
    threads_.emplace_back([this, one = channel.get()](std::stop_token stop) { run(*one, stop); });
}

void Notifier::stop() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
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
  return std::any_of(channels_.begin(), channels_.end(),
                     [&](auto const& channel) { return covers(channel->kind(), receiver); });
}

void Notifier::run(Channel& channel, std::stop_token const& stop) {
  std::unique_lock lock(mutex_);
  Bucket bucket(channel.pace(), clock_.monotonic());
  while (!stop.stop_requested()) {
    auto const now = clock_.wall();
    if (auto const pause = bucket.wait(clock_.monotonic()); pause > Nanoseconds::zero()) {
      wake_.wait_for(lock, stop, pause, [] { return false; });
      continue;
    }
    auto const batch = outbox_.take(channel.kind(), now, bucket.last(clock_.monotonic()));
    if (!batch) {
      auto const due = outbox_.next_due(channel.kind());
      auto const wait =
          due ? std::clamp<Nanoseconds>(*due - now, std::chrono::milliseconds(1), longest_wait)
              : Nanoseconds(longest_wait);
      wake_.wait_for(lock, stop, wait, [&] {
        auto const next = outbox_.next_due(channel.kind());
        return next && *next <= clock_.wall();
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
      wake_.wait_for(lock, stop, disk_pause, [] { return false; });
    }
  }
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
