#pragma once
// Finding events from any thread: what SeriesSource::events asks.

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/event/event_log.hpp"

namespace dadvisor::aggregator::event {

class EventFinder {
 public:
  // `limit`: events of one answer; more is too_large.
  EventFinder(EventReader reader, std::size_t limit = 100'000)
      : limit_(limit), reader_(std::move(reader)) {}

  Result<std::vector<graphite::Event>> find(std::vector<std::string> const& tags, std::int64_t from,
                                            std::int64_t until) const {
    std::lock_guard const lock(mutex_);
    return reader_.find(tags, from, until, limit_);
  }

  Result<std::optional<EventReader::Found>> one(std::uint64_t id) const {
    std::lock_guard const lock(mutex_);
    return reader_.one(id);
  }

 private:
  std::size_t const limit_;
  mutable std::mutex mutex_;
  mutable EventReader reader_;
};

}  // namespace dadvisor::aggregator::event
