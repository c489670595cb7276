#include "common/core/delivery/stream_receiver.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::delivery;
using std::chrono::seconds;
using Verdict = StreamReceiver::Verdict;

namespace {

MonotonicTime at(std::int64_t s) { return MonotonicTime(seconds(1000 + s)); }

Hello hello_of(std::string instance, std::uint64_t epoch = 1, LaneMarks first = {1, 1},
               std::string boot = "boot") {
  return {"host-1", std::move(instance), std::move(boot), epoch, first};
}

FrameHeader header(std::uint64_t sequence, Lane lane = Lane::fresh,
                   std::optional<std::uint64_t> base = std::nullopt, std::uint64_t epoch = 1) {
  FrameHeader header;
  header.stream = {"host-1", epoch};
  header.lane = lane;
  header.sequence = sequence;
  header.base = base;
  return header;
}

}  // namespace

TEST_CASE("the receiver takes sequences in order, once, and only from the session's instance") {
  StreamReceiver receiver("host-1");
  CHECK(receiver.judge(header(1), "i", false, at(0)) == Verdict::hello);
  CHECK(receiver.hello(hello_of("i"), at(0)).hi == LaneMarks{0, 0});
  CHECK(receiver.judge(header(1), "i", false, at(0)) == Verdict::apply);
  receiver.durable(Lane::fresh, 1);
  CHECK(receiver.judge(header(1), "i", false, at(0)) == Verdict::repeat);
  CHECK(receiver.judge(header(3), "i", false, at(0)) == Verdict::gap);
  CHECK(receiver.judge(header(2, Lane::fresh, 1), "i", false, at(0)) == Verdict::key);
  CHECK(receiver.judge(header(2, Lane::fresh, 1), "i", true, at(0)) == Verdict::apply);
  CHECK(receiver.judge(header(1, Lane::backlog), "i", false, at(0)) == Verdict::apply);
  CHECK(receiver.judge(header(2), "stranger", false, at(0)) == Verdict::hello);
  CHECK(receiver.judge(header(2, Lane::fresh, {}, 2), "i", false, at(0)) == Verdict::hello);
  CHECK(receiver.acked() == LaneMarks{1, 0});
}

TEST_CASE("marks of the store are what a replayed batch meets after a restart") {
  StreamReceiver receiver("host-1");
  receiver.restore(4, Lane::fresh, 90);  // of an older epoch: forgotten
  receiver.restore(5, Lane::backlog, 3);
  receiver.restore(4, Lane::backlog, 99);
  receiver.restore(5, Lane::fresh, 7);
  CHECK(receiver.hello(hello_of("i", 5, {8, 1}), at(0)).hi == LaneMarks{7, 3});
  CHECK(receiver.judge(header(7, Lane::fresh, {}, 5), "i", false, at(0)) == Verdict::repeat);
  CHECK(receiver.judge(header(8, Lane::fresh, {}, 5), "i", false, at(0)) == Verdict::apply);
  CHECK(receiver.lost() == 0);
}

TEST_CASE("what the sender cannot give any more is counted as lost, and the stream goes on") {
  StreamReceiver receiver("host-1");
  receiver.restore(1, Lane::fresh, 10);
  CHECK(receiver.hello(hello_of("i", 1, {14, 1}), at(0)).hi == LaneMarks{13, 0});
  CHECK(receiver.lost() == 3);
  CHECK(receiver.judge(header(14), "i", false, at(0)) == Verdict::apply);
  // A new epoch starts where it says, and nothing of it is lost.
  CHECK(receiver.hello(hello_of("i", 2, {5, 1}), at(0)).hi == LaneMarks{4, 0});
  CHECK(receiver.lost() == 3);
}

TEST_CASE("a lower epoch is refused and told the one that is known") {
  StreamReceiver receiver("host-1");
  receiver.restore(5, Lane::fresh, 1);
  auto const reply = receiver.hello(hello_of("i", 4), at(0));
  CHECK(reply.kind == HelloReply::Kind::old_epoch);
  CHECK(reply.epoch == 5);
  CHECK(receiver.judge(header(2, Lane::fresh, {}, 4), "i", false, at(0)) == Verdict::hello);
}

TEST_CASE("a restarted agent takes over at once; its former run is shut out") {
  StreamReceiver receiver("host-1");
  receiver.hello(hello_of("one"), at(0));
  CHECK(receiver.hello(hello_of("two"), at(1)).kind == HelloReply::Kind::welcome);
  CHECK(receiver.judge(header(1), "one", false, at(2)) == Verdict::hello);
  CHECK(receiver.hello(hello_of("one"), at(3)).kind == HelloReply::Kind::conflict);
  CHECK(receiver.conflicts() == 1);
  CHECK(receiver.judge(header(1), "two", false, at(4)) == Verdict::apply);
  CHECK(receiver.hello(hello_of("one"), at(93)).kind == HelloReply::Kind::conflict);
  CHECK(receiver.hello(hello_of("one"), at(94)).kind == HelloReply::Kind::welcome);
}

TEST_CASE("a cloned machine under the same id gets a conflict, the first goes on") {
  StreamReceiver receiver("host-1");
  receiver.hello(hello_of("one", 1, {1, 1}, "boot-a"), at(0));
  receiver.judge(header(1), "one", false, at(10));
  CHECK(receiver.hello(hello_of("two", 1, {1, 1}, "boot-b"), at(20)).kind ==
        HelloReply::Kind::conflict);
  CHECK(receiver.judge(header(1), "one", false, at(20)) == Verdict::apply);
  // A machine that rebooted gets in once its former self was silent for half a minute.
  CHECK(receiver.hello(hello_of("three", 1, {1, 1}, "boot-c"), at(50)).kind ==
        HelloReply::Kind::welcome);
}
