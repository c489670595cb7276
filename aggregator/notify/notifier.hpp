#pragma once
// From notices to messages delivered: plans them in the outbox, and sends them from one thread
// per channel, each at its own pace, so that a slow receiver delays neither evaluation nor others.
//
// deliver() from one thread (the alert engine's), start() and stop() by main, the rest from any.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aggregator/notify/channel.hpp"
#include "aggregator/notify/notify_file.hpp"
#include "aggregator/notify/outbox.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::notify {

struct NotifyCounters {
  OutboxCounters outbox;
  std::uint64_t messages_sent = 0;    // mails and posts
  std::uint64_t messages_failed = 0;  // attempts that were not taken
  std::uint64_t unroutable = 0;       // notices that lead to nobody
  Nanoseconds oldest_waiting{};       // age of the oldest notice not yet sent
};

class Notifier {
 public:
  // Opens the outbox. Channels as main configured them; clock must outlive the notifier.
  static Result<std::unique_ptr<Notifier>> open(OutboxOptions options, Directory directory,
                                                std::vector<std::unique_ptr<Channel>> channels,
                                                Clock const& clock, Log log);
  ~Notifier();  // as stop()

  void start();
  // Ends the threads, breaking off what is being sent (it is tried again after the next start).
  void stop();

  // Takes notices for good: they are in the outbox on disk. For AlertSeams::deliver.
  Result<void> deliver(std::vector<alert::Transition> const& notices);

  NotifyCounters counters() const;
  std::vector<Entry> entries() const;  // what was told to whom, for the API

 private:
  Notifier(Outbox outbox, Directory directory, std::vector<std::unique_ptr<Channel>> channels,
           Clock const& clock, Log log);
  bool has_channel(std::string const& receiver) const;
  void run(Channel& channel, std::stop_token const& stop);
  void report(Batch const& batch, curl::Delivery const& delivery);

  Directory const directory_;
  std::vector<std::unique_ptr<Channel>> const channels_;
  Clock const& clock_;
  Log const log_;
  mutable std::mutex mutex_;  // guards outbox_, counters_ and failing_
  std::condition_variable_any wake_;
  Outbox outbox_;
  NotifyCounters counters_;
  std::set<std::string> failing_;     // receivers whose last message failed, to log each once
  std::set<std::string> unroutable_;  // owners logged already
  std::vector<std::jthread> threads_;
};

}  // namespace dadvisor::aggregator::notify
