#include "common/core/delivery/stream_sender.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::delivery;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Want = BatchesReply::Want;

namespace {

MonotonicTime at(std::int64_t s) { return MonotonicTime(seconds(1000 + s)); }

BatchesReply acked(std::uint64_t fresh, std::uint64_t backlog = 0) {
  BatchesReply reply;
  reply.acked = {fresh, backlog};
  return reply;
}

StreamSender::Post post_of(StreamSender::Action const& action) {
  REQUIRE(std::holds_alternative<StreamSender::Post>(action));
  return std::get<StreamSender::Post>(action);
}
StreamSender::Wait wait_of(StreamSender::Action const& action) {
  REQUIRE(std::holds_alternative<StreamSender::Wait>(action));
  return std::get<StreamSender::Wait>(action);
}
bool says_hello(StreamSender::Action const& action) {
  return std::holds_alternative<StreamSender::SayHello>(action);
}

StreamSender connected_sender() {
  StreamSender sender(1);
  REQUIRE(says_hello(sender.next(at(0))));
  sender.welcomed({0, 0}, at(0), 0);
  return sender;
}

}  // namespace

TEST_CASE("the sender says hello first, then sends each tick at its time, deltas against acks") {
  StreamSender sender(1);
  sender.produced(100, 1, at(1));
  auto const first = sender.next(at(0));
  REQUIRE(says_hello(first));
  CHECK(std::get<StreamSender::SayHello>(first).first == LaneMarks{1, 1});
  CHECK_FALSE(wait_of(sender.next(at(0))).until);
  sender.welcomed({0, 0}, at(0), 0);
  CHECK(wait_of(sender.next(at(0))).until == at(1));
  auto post = post_of(sender.next(at(1)));
  REQUIRE(post.frames.size() == 1);
  CHECK(post.frames[0].place == Place{Lane::fresh, 1});
  CHECK(post.frames[0].newly_placed);
  CHECK_FALSE(post.frames[0].base);
  sender.answered(acked(1), at(1), 0);
  CHECK(sender.take_done() == std::vector<std::uint64_t>{100});
  CHECK(sender.take_done().empty());

  sender.produced(101, 1, at(10));
  post = post_of(sender.next(at(10)));
  CHECK(post.frames[0].base == 1);
  sender.answered(acked(2), at(10), 0);
  sender.produced(102, 2, at(20));  // other schemas
  CHECK_FALSE(post_of(sender.next(at(20))).frames[0].base);
}

TEST_CASE("every twelfth frame is a key frame") {
  auto sender = connected_sender();
  std::string kinds;
  for (std::uint64_t i = 1; i <= 25; ++i) {
    sender.produced(i, 1, at(0));
    kinds += post_of(sender.next(at(0))).frames[0].base ? 'd' : 'K';
    sender.answered(acked(i), at(0), 0);
  }
  CHECK(kinds == "KdddddddddddKdddddddddddK");
}

TEST_CASE("after a hole in the link the newest goes first, the rest behind it in order, paced") {
  auto sender = connected_sender();
  for (std::uint64_t i = 1; i <= 20; ++i) sender.produced(i, 1, at(0));
  auto post = post_of(sender.next(at(0)));
  REQUIRE(post.frames.size() == 1 + window);
  CHECK(post.frames[0].record == 20);
  CHECK(post.frames[0].place == Place{Lane::fresh, 1});
  for (std::uint64_t i = 1; i <= window; ++i) {
    CHECK(post.frames[i].record == i);
    CHECK(post.frames[i].place == Place{Lane::backlog, i});
    CHECK_FALSE(post.frames[i].base);
  }
  sender.answered(acked(1, 8), at(2), 0);  // it took 2 s: 8 s of rest
  CHECK(sender.take_done().size() == 9);
  CHECK(wait_of(sender.next(at(2))).until == at(10));
  sender.produced(21, 1, at(5));
  post = post_of(sender.next(at(5)));  // fresh ticks do not wait for that
  CHECK(post.frames.size() == 1);
  CHECK(post.frames[0].place == Place{Lane::fresh, 2});
  sender.answered(acked(2, 8), at(5), 0);
  post = post_of(sender.next(at(10)));
  CHECK(post.frames.front().record == 9);
  sender.answered(acked(2, 16), at(10), 0);
  post = post_of(sender.next(at(10)));
  CHECK(post.frames.back().record == 19);
  sender.answered(acked(2, 19), at(10), 0);
  CHECK(sender.waiting() == 0);
}

TEST_CASE("behind an outage what is fresh goes first, and a backlog when all others may be back") {
  auto sender = connected_sender();
  auto now = at(0);
  std::uint64_t record = 0;
  for (; record < 20; ++record) sender.produced(record + 1, 1, now);
  post_of(sender.next(now));  // the newest, and eight of the backlog
  for (int i = 0; i < 3; ++i) {
    sender.failed(now, 1.0);
    now = *wait_of(sender.next(now)).until;
    REQUIRE(says_hello(sender.next(now)));
  }
  CHECK(now == at(1 + 2 + 4));
  // A fourth failure would have let it pause for up to 8 s: so long others may, which lost the link
  // when it did; and half of that again, so that not all begin at once.
  sender.welcomed({0, 0}, now, 0.5);
  auto const post = post_of(sender.next(now));
  REQUIRE(post.frames.size() == 1);
  CHECK(post.frames[0].place == Place{Lane::fresh, 1});
  sender.answered(acked(1), now, 0);
  CHECK(*wait_of(sender.next(now)).until == now + seconds(12));
  sender.produced(++record, 1, now + seconds(10));
  now += seconds(10);
  CHECK(post_of(sender.next(now)).frames.size() == 1);
  sender.answered(acked(2), now, 0);
  CHECK(post_of(sender.next(now + seconds(2))).frames.size() == window);
}

TEST_CASE(
    "ticks of one moment that are too many for a window wait for their time, not in a circle") {
  auto sender = connected_sender();
  for (std::uint64_t i = 1; i <= 20; ++i) sender.produced(i, 1, at(5));
  CHECK(wait_of(sender.next(at(0))).until == at(5));
  CHECK(post_of(sender.next(at(5))).frames.size() == 1 + window);
}

TEST_CASE("what was sent and not acknowledged is sent again in its place, as a key frame") {
  auto sender = connected_sender();
  sender.produced(1, 1, at(0));
  post_of(sender.next(at(0)));
  sender.failed(at(0), 0.5);
  CHECK(wait_of(sender.next(at(0))).until == at(0) + milliseconds(500));
  auto const hello = sender.next(at(1));
  REQUIRE(says_hello(hello));
  CHECK(std::get<StreamSender::SayHello>(hello).first == LaneMarks{1, 1});
  sender.welcomed({0, 0}, at(0), 0);
  auto const post = post_of(sender.next(at(1)));
  CHECK(post.frames[0].place == Place{Lane::fresh, 1});
  CHECK_FALSE(post.frames[0].newly_placed);
  CHECK_FALSE(post.frames[0].base);
  sender.failed(at(1), 0);
  sender.next(at(2));
  sender.welcomed({1, 0}, at(0), 0);  // it had arrived, the answer had not
  CHECK(sender.take_done() == std::vector<std::uint64_t>{1});
  CHECK_FALSE(wait_of(sender.next(at(2))).until);
}

TEST_CASE("pauses double to 15 s, with full jitter, and end with the first progress") {
  auto sender = connected_sender();
  sender.produced(1, 1, at(0));
  auto now = at(0);
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 9; ++i) {
    sender.next(now);
    sender.failed(now, 1.0);
    auto const until = *wait_of(sender.next(now)).until;
    pauses.push_back(std::chrono::duration_cast<seconds>(until - now).count());
    now = until;
  }
  CHECK(pauses == std::vector<std::int64_t>{1, 2, 4, 8, 15, 15, 15, 15, 15});
  sender.next(now);
  sender.told_to_wait(seconds(90), now, 0.5);
  CHECK(*wait_of(sender.next(now)).until == now + milliseconds(97'500));  // and half of 15 s
  now += milliseconds(97'500);
  sender.next(now);
  sender.welcomed({0, 0}, at(0), 0);
  sender.next(now);
  sender.answered(acked(1), now, 0);
  sender.produced(2, 1, now);
  sender.next(now);
  sender.failed(now, 1.0);
  CHECK(*wait_of(sender.next(now)).until == now + seconds(1));
}

TEST_CASE("who is told to wait keeps the session, and what a delta may build upon") {
  auto sender = connected_sender();
  sender.produced(1, 1, at(0));
  sender.next(at(0));
  sender.answered(acked(1), at(0), 0);
  sender.produced(2, 1, at(0));
  REQUIRE(post_of(sender.next(at(0))).frames.at(0).base == 1);
  sender.told_to_wait(seconds(2), at(0), 0.5);
  CHECK(*wait_of(sender.next(at(0))).until == at(0) + milliseconds(2500));  // and half of 1 s
  auto const again = post_of(sender.next(at(3)));
  REQUIRE(again.frames.size() == 1);
  CHECK(again.frames[0].place == Place{Lane::fresh, 2});
  CHECK(again.frames[0].base == 1);
}

TEST_CASE("a backlog that there is no room for comes by and by, and holds up nothing fresh") {
  auto sender = connected_sender();
  std::uint64_t record = 0;
  for (; record < 30; ++record) sender.produced(record + 1, 1, at(0));
  auto now = at(0);
  auto post = post_of(sender.next(now));
  REQUIRE(post.frames.size() == 9);  // the newest, and a window of the others
  sender.answered(acked(1), now, 1.0);

  // Nothing of the backlog was taken: it pauses up to 1 s, and a new tick goes by itself.
  CHECK(*wait_of(sender.next(now)).until == now + seconds(1));
  sender.produced(++record, 1, now);
  post = post_of(sender.next(now));
  REQUIRE(post.frames.size() == 1);
  CHECK(post.frames[0].place == Place{Lane::fresh, 2});
  sender.answered(acked(2), now, 1.0);

  // One at a time, while it is refused; up to 2 s then, behind what the answer asks for.
  now += seconds(1);
  post = post_of(sender.next(now));
  REQUIRE(post.frames.size() == 1);
  CHECK(post.frames[0].place == Place{Lane::backlog, 1});
  sender.told_to_wait(seconds(1), now, 1.0);
  CHECK(*wait_of(sender.next(now)).until == now + seconds(3));
  sender.produced(++record, 1, now);
  CHECK(post_of(sender.next(now)).frames.at(0).place == Place{Lane::fresh, 3});
  sender.answered(acked(3), now, 1.0);

  // Taken: 2, 4, 8 and no more.
  now += seconds(3);
  std::vector<std::size_t> sizes;
  std::uint64_t acknowledged = 0;
  while (sizes.size() < 5) {
    post = post_of(sender.next(now));
    sizes.push_back(post.frames.size());
    acknowledged += post.frames.size();
    sender.answered(acked(3, acknowledged), now, 1.0);
  }
  CHECK(sizes == std::vector<std::size_t>{1, 2, 4, 8, 8});
}

TEST_CASE("a receiver that wants a key frame gets one; one that answers nonsense gets a pause") {
  auto sender = connected_sender();
  sender.produced(1, 1, at(0));
  sender.next(at(0));
  sender.answered(acked(1), at(0), 0);
  sender.produced(2, 1, at(0));
  REQUIRE(post_of(sender.next(at(0))).frames[0].base);
  auto reply = acked(1);
  reply.want = Want::key;
  reply.sequence = 2;
  sender.answered(reply, at(0), 1.0);
  auto const post = post_of(sender.next(at(0)));
  CHECK_FALSE(post.frames[0].base);
  sender.answered(reply, at(0), 1.0);  // although it was a key frame
  CHECK(*wait_of(sender.next(at(0))).until == at(1));
  REQUIRE(says_hello(sender.next(at(1))));
  sender.welcomed({1, 0}, at(0), 0);
  post_of(sender.next(at(1)));
  sender.answered(acked(1), at(1), 1.0);  // "fine", and yet not
  CHECK(wait_of(sender.next(at(1))).until > at(1));
}

TEST_CASE("a sequence that the sender cannot give is declared by a hello") {
  auto sender = connected_sender();
  for (std::uint64_t i = 1; i <= 3; ++i) sender.produced(i, 1, at(0));
  CHECK(post_of(sender.next(at(0))).frames.size() == 3);
  sender.forget(2);  // the spool's record is damaged
  auto reply = acked(1);
  reply.want = Want::sequence;
  reply.sequence = 2;
  sender.answered(reply, at(0), 1.0);
  auto const hello = sender.next(at(0));
  REQUIRE(says_hello(hello));
  CHECK(std::get<StreamSender::SayHello>(hello).first == LaneMarks{3, 1});
}

TEST_CASE("a rejected request is sent in ones, and the one that is rejected alone is set aside") {
  auto sender = connected_sender();
  for (std::uint64_t i = 1; i <= 3; ++i) sender.produced(i, 1, at(0));
  CHECK(post_of(sender.next(at(0))).frames.size() == 3);
  sender.rejected(at(0), 1.0);
  REQUIRE(says_hello(sender.next(at(0))));
  sender.welcomed({0, 0}, at(0), 0);
  CHECK(post_of(sender.next(at(0))).frames.size() == 1);
  sender.answered(acked(1), at(0), 0);
  auto const post = post_of(sender.next(at(0)));
  CHECK(post.frames.size() == 1);
  CHECK(post.frames[0].record == 2);
  sender.rejected(at(0), 1.0);
  CHECK(sender.set_aside() == 1);
  CHECK(sender.take_done() == std::vector<std::uint64_t>{1, 2});
  CHECK(wait_of(sender.next(at(0))).until == at(1));
  auto const hello = sender.next(at(1));
  REQUIRE(says_hello(hello));
  CHECK(std::get<StreamSender::SayHello>(hello).first.fresh == 3);
  sender.welcomed({2, 0}, at(0), 0);
  CHECK(post_of(sender.next(at(1))).frames[0].record == 3);
}

TEST_CASE("an epoch that is over makes the sender begin anew, above the known one, in order") {
  StreamSender sender(3);
  sender.restore(7, std::nullopt);
  sender.restore(8, Place{Lane::fresh, 40});
  sender.restore(9, std::nullopt);
  sender.next(at(0));
  sender.refused_old_epoch(9);
  CHECK(sender.epoch() == 10);
  auto const hello = sender.next(at(0));
  REQUIRE(says_hello(hello));
  CHECK(std::get<StreamSender::SayHello>(hello).epoch == 10);
  CHECK(std::get<StreamSender::SayHello>(hello).first == LaneMarks{1, 1});
  sender.welcomed({0, 0}, at(0), 0);
  auto const post = post_of(sender.next(at(0)));
  REQUIRE(post.frames.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(post.frames[i].record == 7 + i);
    CHECK(post.frames[i].place == Place{Lane::backlog, i + 1});
  }
}

TEST_CASE("a restarted sender keeps the places that were given and goes on behind the marks") {
  StreamSender sender(1);
  sender.restore(5, Place{Lane::fresh, 41});
  sender.restore(6, Place{Lane::fresh, 42});
  sender.restore(7, std::nullopt);
  auto const hello = sender.next(at(0));
  CHECK(std::get<StreamSender::SayHello>(hello).first == LaneMarks{41, 1});
  sender.welcomed({41, 12}, at(0), 0);
  CHECK(sender.take_done() == std::vector<std::uint64_t>{5});
  sender.produced(8, 1, at(0));
  auto const post = post_of(sender.next(at(0)));
  REQUIRE(post.frames.size() == 3);
  CHECK(post.frames[0].place == Place{Lane::fresh, 42});
  CHECK(post.frames[1].place == Place{Lane::fresh, 43});
  CHECK(post.frames[2].place == Place{Lane::backlog, 13});
}
