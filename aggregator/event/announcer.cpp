#include "aggregator/event/announcer.hpp"

#include <string>
#include <utility>

namespace dadvisor::aggregator::event {
namespace {

// What is further ahead would never grow old.
constexpr std::chrono::hours most_ahead{24 * 366};

}  // namespace

Announcer::Announcer(EventLog log, Clock const& clock, Nanoseconds retention,
                     std::function<void()> announced)
    : log_(std::move(log)),
      clock_(clock),
      retention_(retention),
      on_announced_(std::move(announced)) {}

Result<void> Announcer::announce(graphite::PostedEvent event) {
  auto const now = clock_.wall();
  auto const when = event.when_ns ? WallTime(Nanoseconds(*event.when_ns)) : now;
  if (when < now - retention_)
    return Error{
        Errc::malformed, 0,
        "when: events are kept for " +
            std::to_string(std::chrono::duration_cast<std::chrono::hours>(retention_).count()) +
            " hours (retention)"};
  if (when > now + most_ahead) return Error{Errc::malformed, 0, "when: is more than a year ahead"};
  auto const done =
      record({"", when, std::move(event.what), std::move(event.data), std::move(event.tags)});
  ++(done ? announced_ : failures_);
  if (done && on_announced_) on_announced_();
  return done;
}

Result<void> Announcer::record(Happening happening) {
  std::lock_guard const lock(mutex_);
  if (auto begun = log_.begin(); !begun) return begun;
  // A moment may have several; the clock may also have been set back.
  auto const told = clock_.wall().time_since_epoch().count();
  Result<bool> added = false;
  for (std::uint64_t which = 0; added && !*added; ++which) {
    happening.identity = "told|" + std::to_string(told) + '|' + std::to_string(which);
    added = log_.add(happening);
  }
  auto done = added ? log_.commit() : Result<void>(added.error());
  if (!done) log_.roll_back();
  return done;
}

}  // namespace dadvisor::aggregator::event
