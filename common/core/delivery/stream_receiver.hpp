#pragma once
// The aggregator's side of the delivery protocol for one agent: which batch may be applied, and
// up to where all is durable. No I/O and no clock: events in, verdicts out; the same object runs
// in the aggregator and in the simulation. Not thread-safe.
//
// It has no memory of its own over a restart: its marks are the store's (the last sequence of each
// stream's lane in the log), so that what it says was applied and what was applied cannot differ.
// The caller has at most one batch of a lane on its way to the store; until that one is durable
// the next is not judged. So no batch can be kept while an earlier one failed.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/delivery/protocol.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::delivery {

// Sequences of a lane that will never come.
struct LostRange {
  Lane lane = Lane::fresh;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(LostRange const&) const = default;
};

class StreamReceiver {
 public:
  // Two agents under one id (a cloned machine) are told apart by their instance; of the same boot
  // the later one takes over, since that is how a restart looks; of another boot it is refused
  // while the first spoke within `silence`, and an instance that was taken over is refused while
  // its successor spoke within `fence`.
  static constexpr Nanoseconds silence = std::chrono::seconds(30);
  static constexpr Nanoseconds fence = std::chrono::seconds(90);

  explicit StreamReceiver(std::string agent) : agent_(std::move(agent)) {}

  // At start, before anything is said: a mark of the store's. The highest epoch is the stream.
  void restore(std::uint64_t epoch, Lane lane, std::uint64_t sequence);

  // A sender opens a connection. Must not be called while a batch is on its way to the store.
  HelloReply hello(Hello const& hello, MonotonicTime now);

  enum class Verdict : std::uint8_t {
    apply,   // append it, then say durable()
    repeat,  // it is durable already: acknowledge again
    gap,     // acked() + 1 of its lane must come first
    key,     // its base is not held: again as a key frame
    hello    // who speaks has no session here
  };
  // `base_held`: the caller holds the batch that a delta frame names.
  Verdict judge(FrameHeader const& header, std::string_view instance, bool base_held,
                MonotonicTime now);

  // The batch that was judged `apply` is durable, or will never be taken.
  void durable(Lane lane, std::uint64_t sequence);

  LaneMarks const& acked() const { return hi_; }
  std::uint64_t epoch() const { return epoch_; }
  // Sequences that senders declared lost, since start.
  std::uint64_t lost() const { return lost_; }
  // Of them, those that the last hello declared.
  std::vector<LostRange> const& lost_ranges() const { return lost_ranges_; }
  // Hellos refused because two agents speak under one id, since start.
  std::uint64_t conflicts() const { return conflicts_; }

 private:
  bool conflicting(Hello const& hello, MonotonicTime now) const;
  bool spoke_within(Nanoseconds time, MonotonicTime now) const {
    return !instance_.empty() && now - spoke_ < time;
  }

  std::string agent_;
  bool known_ = false;  // the epoch and the marks mean something
  std::uint64_t epoch_ = 0;
  LaneMarks hi_;
  std::string instance_;  // of the session; empty: none since start
  std::string boot_id_;
  MonotonicTime spoke_{};
  std::vector<std::string> fenced_;  // instances that were taken over, the last few
  std::uint64_t lost_ = 0;
  std::vector<LostRange> lost_ranges_;
  std::uint64_t conflicts_ = 0;
};

}  // namespace dadvisor::delivery
