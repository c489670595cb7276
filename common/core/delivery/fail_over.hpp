#pragma once
// Which of an ordered list of aggregators an agent speaks to: the first, as long as it answers;
// else the next one, and back as soon as an earlier one answers again. By order and not by a hash,
// so that all hosts of an app meet in one aggregator. No I/O and no clock: events in, decisions
// out. Not thread-safe.
//
// It goes over when nothing useful has been answered for `after`, not at the first failure: an
// aggregator that is restarted is back sooner, and what waits for it in the spool is not split.

#include <cstddef>
#include <optional>

#include "common/core/clock.hpp"

namespace dadvisor::delivery {

class FailOver {
 public:
  // Where an earlier one that was gone back to soon fails again, the next look comes after twice
  // the time, up to so many times `after`.
  static constexpr int longest_rest = 16;

  // `peers` at least 1; with 1 nothing ever changes.
  FailOver(std::size_t peers, Nanoseconds after) : peers_(peers), after_(after) {}

  std::size_t current() const { return current_; }

  // What came of a request to the current one: an answer that the protocol knows, or none, or one
  // that refuses. True: current() is another one from here on.
  void answered(MonotonicTime now);
  [[nodiscard]] bool failed(MonotonicTime now);

  // When an earlier one is to be asked whether it answers; nullopt: there is none, or one is asked
  // already.
  std::optional<MonotonicTime> probe_at() const;
  // Which, at that time; to be followed by probed().
  std::size_t begin_probe();
  // True: current() is the one that was asked, from here on. Else the next one between it and the
  // current one is to be asked at once.
  [[nodiscard]] bool probed(bool answers, MonotonicTime now);

 private:
  void go_to(std::size_t peer, MonotonicTime now);

  std::size_t peers_;
  Nanoseconds after_;
  std::size_t current_ = 0;
  std::optional<MonotonicTime> failing_since_;
  std::optional<MonotonicTime> probe_at_;
  std::size_t probe_ = 0;  // the next one to ask
  bool probing_ = false;
  bool came_back_ = false;  // by a probe, and nothing useful was answered for long since
  MonotonicTime back_at_{};
  int rest_ = 1;  // times `after_`
};

}  // namespace dadvisor::delivery
