#pragma once
// The agent's side of the delivery protocol: what to say next, and what has arrived. No I/O, no
// clock, no dice: events in, actions out; the same object runs in the agent and in the simulation.
// Not thread-safe.
//
// It deals in record numbers, which the spool gives. A record gets its place (lane and sequence)
// when it is first sent and keeps it until it is acknowledged: so after an hour without link the
// newest tick goes first, on the fresh lane, and the hour behind it follows on the backlog lane,
// in order, without a hole in either sequence. One request is under way at a time; it carries all
// that is placed and not acknowledged, up to a window per lane.

#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/delivery/protocol.hpp"

namespace dadvisor::delivery {

// Where a record stands in the stream.
struct Place {
  Lane lane = Lane::fresh;
  std::uint64_t sequence = 0;
  bool operator==(Place const&) const = default;
};

class StreamSender {
 public:
  static constexpr std::uint64_t key_every = 12;  // frames of the fresh lane
  // Of ten thousand agents nobody's newest tick is to be more than 20 s late behind an outage.
  static constexpr Nanoseconds longest_pause = std::chrono::seconds(15);
  static constexpr int backlog_rest = 4;  // rests 4 times as long as it worked: 20 % of the link

  explicit StreamSender(std::uint64_t epoch) : epoch_(epoch) {}

  // At start, in the order of the records: what the spool still holds.
  void restore(std::uint64_t record, std::optional<Place> place);

  // A new tick, to be sent from `send_at` on. `schema_version` changes when the batch's schemas
  // do: no delta runs over that.
  void produced(std::uint64_t record, std::uint64_t schema_version, MonotonicTime send_at);
  // The spool has lost a record or gave it up to keep its bounds.
  void forget(std::uint64_t record);

  // Whether a record has its place and is not acknowledged: it may be under way.
  bool has_place(std::uint64_t record) const;

  // What to do now.
  struct Wait {
    std::optional<MonotonicTime> until;  // nullopt: for the next event
  };
  struct SayHello {
    std::uint64_t epoch = 0;
    LaneMarks first;
  };
  struct Frame {
    std::uint64_t record = 0;
    Place place;
    bool newly_placed = false;          // keep the place in the spool before it is sent
    std::optional<std::uint64_t> base;  // fresh lane: may be a delta against this sequence
  };
  struct Post {
    std::vector<Frame> frames;  // fresh lane first; the sender may cut the list, not to nothing
  };
  using Action = std::variant<Wait, SayHello, Post>;
  // After SayHello or Post it answers Wait until one of the events below has come.
  Action next(MonotonicTime now);

  // Answers to SayHello; `dice` in [0, 1). Behind an outage what is fresh goes at once, a backlog
  // when all others that lost their link too have had the time to come back.
  void welcomed(LaneMarks const& hi, MonotonicTime now, double dice);
  void refused_conflict(MonotonicTime now, double dice);
  // The stream begins anew under a higher epoch than the one that is known: epoch() has it.
  void refused_old_epoch(std::uint64_t known);
  // Answers to Post.
  void answered(BatchesReply const& reply, MonotonicTime now, double dice);
  // The request was malformed or too large: what was in it is sent one by one, and a frame that
  // is refused alone is set aside.
  void rejected(MonotonicTime now, double dice);
  // Answers to both: no answer, or one that makes no sense; and "not now", behind which the stream
  // is what it was: nothing was taken. What is fresh does not wait for a backlog that was refused.
  void failed(MonotonicTime now, double dice);
  void told_to_wait(Nanoseconds pause, MonotonicTime now, double dice);

  // What is sent goes to another receiver from now on, at once and beginning with a hello: what the
  // last one has not acknowledged has no place there. Must not be called while a request is under
  // way. What one of them holds without having said so is there twice, and counts once: rows are
  // told apart by their entity and tick.
  void receiver_changed(MonotonicTime now);

  // Records that are acknowledged or set aside since the last call: the spool drops them.
  std::vector<std::uint64_t> take_done();

  std::uint64_t epoch() const { return epoch_; }
  bool connected() const { return connected_; }
  bool under_way() const { return under_way_; }  // a hello or a post is not answered yet
  std::uint64_t set_aside() const { return set_aside_; }
  std::uint64_t refused() const { return refused_; }  // by the receiver, with a reason
  std::size_t waiting() const;                        // records not acknowledged

 private:
  struct Item {
    std::uint64_t record = 0;
    std::uint64_t sequence = 0;        // once placed
    std::uint64_t schema_version = 0;  // 0: not known (from the spool)
    MonotonicTime send_at{};
  };
  struct LaneState {
    std::deque<Item> waiting;  // without a place
    std::deque<Item> placed;   // not acknowledged, sequence ascending
    std::uint64_t next = 1;
  };
  LaneState& lane(Lane which) { return lanes_[static_cast<std::size_t>(which)]; }

  void lose_connection(MonotonicTime now, Nanoseconds pause);
  static Nanoseconds most_pause(unsigned failures);
  static Nanoseconds pause(unsigned failures, double dice);
  Nanoseconds pause(double dice) const { return pause(failures_, dice); }
  void backlog_refused(MonotonicTime until);
  bool acknowledge(Lane which, std::uint64_t hi);
  void add_frames(Lane which, std::size_t limit, MonotonicTime now, std::vector<Frame>& frames);
  Frame frame_of(Lane which, Item const& item, bool newly_placed);
  Wait wait_for() const;

  std::uint64_t epoch_;
  LaneState lanes_[2];
  bool connected_ = false;
  bool under_way_ = false;
  MonotonicTime not_before_{};
  MonotonicTime backlog_at_{};
  MonotonicTime posted_at_{};
  bool posted_backlog_ = false;
  // Frames of it at once: one behind a request of which none was taken, and twice as many each time
  // that some are.
  std::size_t backlog_limit_ = window;
  unsigned backlog_failures_ = 0;  // requests in a row of which none was taken
  std::vector<Frame> posted_;
  std::size_t one_by_one_ = 0;  // so many requests of one frame each
  unsigned failures_ = 0;       // in a row
  struct Base {
    std::uint64_t sequence = 0;
    std::uint64_t schema_version = 0;
  };
  std::optional<Base> base_;  // the last of the fresh lane acknowledged on this connection
  std::uint64_t since_key_ = 0;
  std::vector<std::uint64_t> done_;
  std::uint64_t set_aside_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace dadvisor::delivery
