// Both sides of the delivery protocol in one world of chance: a link that loses, doubles, delays
// and re-orders requests, an aggregator that dies between append, sync and answer, an agent that
// dies at any time and finds its spool again. What must hold is checked at every step
// (invariants I1 to I6: acknowledged is durable, each batch applied once and in order, nothing
// dropped that was not acknowledged), and at the end that all has arrived.

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "common/core/delivery/stream_receiver.hpp"
#include "common/core/delivery/stream_sender.hpp"

using namespace dadvisor;
using namespace dadvisor::delivery;
using std::chrono::milliseconds;

namespace {

struct Record {  // of the aggregator's log
  Lane lane;
  std::uint64_t sequence;
  std::uint64_t content;  // the agent's record
};

struct Request {
  std::uint64_t id;
  std::string instance;
  bool is_hello;
  StreamSender::SayHello hello;
  std::vector<StreamSender::Frame> frames;
};

// The faults that prove that the checks see something.
enum class Fault { none, acknowledge_before_sync, apply_repeats };

class World {
 public:
  World(std::uint64_t seed, Fault fault) : random_(seed), fault_(fault) {
    start_agent();
    start_aggregator();
  }

  void run(int ticks) {
    std::uint64_t record = 0;
    for (int tick = 0; tick < ticks; ++tick) {
      spool_[++record] = std::nullopt;
      sender_->produced(record, 1 + record / 40, now_ + milliseconds(below(1000)));
      for (int i = 0; i < 20; ++i) step(milliseconds(500));
      if (chance(10)) start_agent();
      if (chance(10)) crash_aggregator();
    }
    calm_ = true;  // a fair link: all must arrive
    for (int i = 0; i < 4000 && !spool_.empty(); ++i) step(milliseconds(500));
    complain_if(!spool_.empty(), "not all arrived");
    std::set<std::uint64_t> arrived;
    for (auto const& entry : synced_) arrived.insert(entry.content);
    complain_if(arrived.size() != record, "a batch is missing");
  }

  std::vector<std::string> const& complaints() const { return complaints_; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(std::uint64_t percent) { return !calm_ && below(100) < percent; }
  double dice() { return static_cast<double>(below(1000)) / 1000; }
  void complain_if(bool wrong, char const* what) {
    if (wrong) complaints_.push_back(what);
  }

  // The agent begins a new run; its spool knows the records and their places.
  void start_agent() {
    instance_ = "run " + std::to_string(++runs_);
    sender_.emplace(1);
    for (auto const& [record, place] : spool_) sender_->restore(record, place);
    outstanding_ = 0;
  }

  void start_aggregator() {
    receiver_.emplace("host-1");
    bases_.clear();
    for (auto const& entry : synced_) receiver_->restore(1, entry.lane, entry.sequence);
  }

  void crash_aggregator() {
    // What was not synced may be on the disk all the same.
    if (!unsynced_.empty() && below(2) == 0) synced_.push_back(unsynced_.front());
    unsynced_.clear();
    start_aggregator();
  }

  void step(Nanoseconds time) {
    now_ += time;
    act();
    deliver();
    if (outstanding_ != 0 && now_ - asked_at_ > std::chrono::seconds(5)) {
      outstanding_ = 0;
      sender_->failed(now_, dice());
    }
    drop_done();
  }

  void act() {
    auto const action = sender_->next(now_);
    if (std::holds_alternative<StreamSender::Wait>(action)) return;
    Request request{++requests_, instance_, false, {}, {}};
    if (auto const* hello = std::get_if<StreamSender::SayHello>(&action)) {
      request.is_hello = true;
      request.hello = *hello;
    } else {
      request.frames = std::get<StreamSender::Post>(action).frames;
      if (chance(20)) request.frames.resize(1 + below(request.frames.size()));
      for (auto const& frame : std::get<StreamSender::Post>(action).frames)
        if (frame.newly_placed) spool_[frame.record] = frame.place;
      std::map<int, int> per_lane;
      for (auto const& frame : request.frames)
        complain_if(++per_lane[static_cast<int>(frame.place.lane)] > static_cast<int>(window),
                    "a window too wide");
    }
    outstanding_ = request.id;
    asked_at_ = now_;
    if (!chance(15)) link_.push_back(request);
    if (chance(10)) link_.push_back(request);  // twice, the second time perhaps much later
  }

  void deliver() {
    while (!link_.empty() && !chance(30)) {
      auto const at = static_cast<std::ptrdiff_t>(calm_ ? 0 : below(link_.size()));
      auto const request = link_[static_cast<std::size_t>(at)];
      link_.erase(link_.begin() + at);
      if (request.is_hello)
        answer_hello(request);
      else
        answer_batches(request);
    }
  }

  bool reaches(Request const& request) {
    if (request.id != outstanding_ || chance(15)) return false;
    outstanding_ = 0;
    return true;
  }

  void answer_hello(Request const& request) {
    auto const reply = receiver_->hello(
        {"host-1", request.instance, "boot", request.hello.epoch, request.hello.first}, now_);
    bases_.clear();
    check_acked(reply.hi);
    if (!reaches(request)) return;
    if (reply.kind == HelloReply::Kind::welcome)
      sender_->welcomed(reply.hi, now_, dice());
    else
      sender_->refused_conflict(now_, dice());
  }

  void answer_batches(Request const& request) {
    BatchesReply reply;
    for (auto const& frame : request.frames) {
      FrameHeader header;
      header.stream = {"host-1", 1};
      header.lane = frame.place.lane;
      header.sequence = frame.place.sequence;
      header.base = frame.base;
      bool const base_held = frame.base && bases_.contains(*frame.base);
      auto verdict = receiver_->judge(header, request.instance, base_held, now_);
      using Verdict = StreamReceiver::Verdict;
      if (verdict == Verdict::repeat && fault_ == Fault::apply_repeats) verdict = Verdict::apply;
      if (verdict == Verdict::repeat) continue;
      if (verdict != Verdict::apply) {
        reply.want = verdict == Verdict::gap   ? BatchesReply::Want::sequence
                     : verdict == Verdict::key ? BatchesReply::Want::key
                                               : BatchesReply::Want::hello;
        reply.lane = header.lane;
        reply.sequence = receiver_->acked()[header.lane] + 1;
        break;
      }
      unsynced_.push_back({header.lane, header.sequence, frame.record});
      if (fault_ == Fault::acknowledge_before_sync)
        receiver_->durable(header.lane, header.sequence);
      if (chance(3)) return crash_aggregator();
      if (fault_ != Fault::acknowledge_before_sync || chance(50)) sync();
      receiver_->durable(header.lane, header.sequence);
      if (chance(3)) return crash_aggregator();
      if (header.lane == Lane::fresh) bases_.insert(header.sequence);
    }
    reply.acked = receiver_->acked();
    if (reply.want != BatchesReply::Want::hello) check_acked(reply.acked);
    if (reaches(request)) sender_->answered(reply, now_, dice());
  }

  void sync() {
    for (auto const& entry : unsynced_) {
      auto& hi = applied_[entry.lane];
      complain_if(entry.sequence != hi + 1, "applied out of order, or twice");
      hi = std::max(hi, entry.sequence);
      synced_.push_back(entry);
      complain_if(!contents_.insert(entry.content).second, "a batch under two sequences");
    }
    unsynced_.clear();
  }

  // I1: what is acknowledged is on disk.
  void check_acked(LaneMarks const& marks) {
    LaneMarks durable;
    for (auto const& entry : synced_)
      durable[entry.lane] = std::max(durable[entry.lane], entry.sequence);
    complain_if(marks.fresh > durable.fresh || marks.backlog > durable.backlog,
                "acknowledged, not durable");
    applied_ = durable;  // after a crash: what the disk had
    contents_.clear();
    for (auto const& entry : synced_)
      complain_if(!contents_.insert(entry.content).second, "a batch under two sequences");
  }

  // I5: dropped from the spool only what the log has.
  void drop_done() {
    for (auto const record : sender_->take_done()) {
      bool durable = false;
      for (auto const& entry : synced_) durable = durable || entry.content == record;
      complain_if(!durable, "dropped, not durable");
      spool_.erase(record);
    }
  }

  std::mt19937_64 random_;
  Fault fault_;
  bool calm_ = false;
  MonotonicTime now_{std::chrono::hours(1)};
  std::optional<StreamSender> sender_;
  std::string instance_;
  int runs_ = 0;
  std::map<std::uint64_t, std::optional<Place>> spool_;
  std::uint64_t requests_ = 0;
  std::uint64_t outstanding_ = 0;
  MonotonicTime asked_at_{};
  std::vector<Request> link_;
  std::optional<StreamReceiver> receiver_;
  std::set<std::uint64_t> bases_;
  std::vector<Record> synced_;
  std::vector<Record> unsynced_;
  LaneMarks applied_;
  std::set<std::uint64_t> contents_;
  std::vector<std::string> complaints_;
};

}  // namespace

TEST_CASE("over a bad link and through crashes every batch is applied once, in order") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed, Fault::none);
    world.run(60);
    INFO("seed " << seed);
    for (auto const& complaint : world.complaints()) FAIL(complaint);
  }
  SUCCEED();
}

TEST_CASE("the simulation sees an acknowledgement before its sync, and a repeat applied") {
  for (auto const fault : {Fault::acknowledge_before_sync, Fault::apply_repeats}) {
    std::size_t seen = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      World world(seed, fault);
      world.run(60);
      if (!world.complaints().empty()) ++seen;
    }
    CHECK(seen == 20);
  }
}
