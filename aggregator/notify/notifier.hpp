#pragma once
// From notices to messages delivered: plans them in the outbox, and sends them from one thread
// per channel, each at its own pace, so that a slow receiver delays neither evaluation nor others.
//
// deliver() and replace() from one thread (the alert engine's), start() and stop() by main, the
// rest from any.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
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
  std::uint64_t receiver_gone = 0;    // notices given up: their receiver is in the file no more
  Nanoseconds oldest_waiting{};       // age of the oldest notice not yet sent
};

// What a receiver of the notify file has a channel for.
using Way = std::variant<Webhook, Robot>;
// The channel to the way of the receiver of that name.
using ChannelOf = std::function<std::unique_ptr<Channel>(std::string const& name, Way const& way)>;

class Notifier {
 public:
  // Opens the outbox. `fixed` channels stay for good, those for the directory's receivers are made
  // by channel_of; what it uses and clock must outlive the notifier.
  static Result<std::unique_ptr<Notifier>> open(OutboxOptions options, Directory directory,
                                                std::vector<std::unique_ptr<Channel>> fixed,
                                                ChannelOf channel_of, Clock const& clock, Log log);
  ~Notifier();  // as stop()

  void start();
  // Ends the threads, breaking off what is being sent (it is tried again after the next start).
  void stop();

  // Another directory from now on. What waits for a receiver goes by its new settings; what waits
  // for one that is no more is given up, counted and logged. A message on its way is not broken
  // off, and a receiver whose settings are the same notices nothing.
  void replace(Directory directory);

  // Takes notices for good: they are in the outbox on disk. For AlertSeams::deliver.
  Result<void> deliver(std::vector<alert::Transition> const& notices);

  NotifyCounters counters() const;
  std::vector<Entry> entries() const;  // what was told to whom, for the API

 private:
  // A channel with its thread.
  struct Runner {
    std::optional<Way> way;  // nullopt: fixed
    std::unique_ptr<Channel> channel;
    bool retired = false;  // ends when its message is delivered or not
    bool ended = false;
    std::jthread thread;
  };

  Notifier(Outbox outbox, Directory directory, std::vector<std::unique_ptr<Channel>> fixed,
           ChannelOf channel_of, Clock const& clock, Log log);
  void add_runner(std::unique_ptr<Channel> channel, std::optional<Way> way);
  void start(Runner& runner);
  void run(Runner& runner, std::stop_token const& stop);
  std::optional<WallTime> next_due(Channel const& channel) const;
  bool has_channel(std::string const& receiver) const;
  void give_up_uncovered();
  void report(Batch const& batch, curl::Delivery const& delivery);

  ChannelOf const channel_of_;
  Clock const& clock_;
  Log const log_;
  mutable std::mutex mutex_;  // guards all below, but for the threads and channels of runners
  std::condition_variable_any wake_;
  Directory directory_;
  Outbox outbox_;
  NotifyCounters counters_;
  std::set<std::string> failing_;          // receivers whose last message failed, to log each once
  std::set<std::string> unroutable_;       // owners logged already
  std::map<std::string, Bucket> buckets_;  // by a channel's first key: kept over its replacement
  std::vector<std::unique_ptr<Runner>> runners_;
  bool started_ = false;
};

}  // namespace dadvisor::aggregator::notify
