#pragma once
// Events that people and deploy scripts tell: each is durable before its sender hears that it is.
//
// Writes beside the watch, by a connection of its own; SQLite has one of the two wait. The same
// event told twice is two events, as in graphite-web. Any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>

#include "aggregator/event/event_log.hpp"
#include "common/core/clock.hpp"
#include "graphite-bridge/posted_event.hpp"

namespace dadvisor::aggregator::event {

struct AnnouncerCounters {
  std::uint64_t announced = 0;
  std::uint64_t failures = 0;  // told to the sender
};

class Announcer {
 public:
  // `announced` is called by the sender's thread, after its event became durable. The clock must
  // outlive it.
  Announcer(EventLog log, Clock const& clock, Nanoseconds retention,
            std::function<void()> announced);

  // Errc::malformed: of before what is kept, or more than a year ahead. Else the log's errors.
  Result<void> announce(graphite::PostedEvent event);
  AnnouncerCounters counters() const { return {announced_, failures_}; }

 private:
  Result<void> record(Happening happening);

  std::mutex mutex_;
  EventLog log_;  // under the mutex
  Clock const& clock_;
  Nanoseconds const retention_;
  std::function<void()> const on_announced_;
  std::atomic<std::uint64_t> announced_ = 0, failures_ = 0;
};

}  // namespace dadvisor::aggregator::event
