#include "common/core/delivery/fail_over.hpp"

#include <catch2/catch.hpp>

#include "common/core/delivery/stream_sender.hpp"

using namespace dadvisor;
using namespace dadvisor::delivery;
using std::chrono::seconds;

namespace {

MonotonicTime at(int second) { return MonotonicTime(seconds(1000 + second)); }

}  // namespace

TEST_CASE("the next aggregator is sent to when one gives no useful answer for so long") {
  FailOver list(3, seconds(30));
  CHECK_FALSE(list.failed(at(0)));
  CHECK_FALSE(list.failed(at(29)));
  list.answered(at(30));  // the time begins anew
  CHECK_FALSE(list.failed(at(31)));
  CHECK_FALSE(list.failed(at(60)));
  CHECK(list.current() == 0);
  CHECK_FALSE(list.probe_at());
  CHECK(list.failed(at(61)));
  CHECK(list.current() == 1);
  // The time of the next one begins with its own failures, and behind the last comes the first.
  CHECK_FALSE(list.failed(at(62)));
  CHECK(list.failed(at(92)));
  CHECK(list.current() == 2);
  CHECK_FALSE(list.failed(at(93)));
  CHECK(list.failed(at(123)));
  CHECK(list.current() == 0);
  CHECK_FALSE(list.probe_at());

  FailOver alone(1, seconds(30));
  CHECK_FALSE(alone.failed(at(0)));
  CHECK_FALSE(alone.failed(at(1000)));
}

TEST_CASE("the first of the earlier aggregators that answers again is gone back to") {
  FailOver list(3, seconds(30));
  for (int const second : {0, 30, 31, 61}) static_cast<void>(list.failed(at(second)));
  REQUIRE(list.current() == 2);
  REQUIRE(list.probe_at() == at(91));
  CHECK(list.begin_probe() == 0);
  CHECK_FALSE(list.probe_at());  // one at a time
  CHECK_FALSE(list.probed(false, at(92)));
  REQUIRE(list.probe_at() == at(92));  // the one behind it at once
  CHECK(list.begin_probe() == 1);
  CHECK_FALSE(list.probed(false, at(93)));
  REQUIRE(list.probe_at() == at(123));
  CHECK(list.begin_probe() == 0);
  CHECK(list.probed(true, at(124)));
  CHECK(list.current() == 0);
}

TEST_CASE("an aggregator that answers a probe and then fails is asked ever more rarely") {
  FailOver list(2, seconds(30));
  int second = 0;
  for (int const rest : {30, 60, 120, 240, 480, 480}) {
    static_cast<void>(list.failed(at(second)));
    REQUIRE(list.failed(at(second += 30)));
    REQUIRE(list.probe_at() == at(second + rest));
    second += rest;
    list.begin_probe();
    REQUIRE(list.probed(true, at(second)));
  }
  list.answered(at(second + 60));  // it holds what it promised
  static_cast<void>(list.failed(at(second + 61)));
  REQUIRE(list.failed(at(second + 91)));
  CHECK(list.probe_at() == at(second + 121));
}

TEST_CASE("behind a change of the receiver all goes anew, in its sequences, by a key frame") {
  StreamSender sender(1);
  sender.produced(1, 7, at(0));
  sender.next(at(0));
  sender.welcomed({}, at(0), 0);
  sender.next(at(0));
  BatchesReply reply;
  reply.acked = {1, 0};
  sender.answered(reply, at(0), 0);
  CHECK(sender.take_done() == std::vector<std::uint64_t>{1});
  sender.produced(2, 7, at(10));
  sender.produced(3, 7, at(10));
  auto const lost = std::get<StreamSender::Post>(sender.next(at(10)));
  REQUIRE(lost.frames.size() == 2);
  CHECK(lost.frames[0].place == Place{Lane::fresh, 2});
  CHECK(lost.frames[0].base == 1);
  sender.failed(at(25), 0.9);

  sender.receiver_changed(at(26));
  auto const hello = std::get<StreamSender::SayHello>(sender.next(at(26)));
  CHECK(hello.first == LaneMarks{1, 1});  // declares nothing lost, whatever the receiver has
  sender.welcomed({41, 5}, at(26), 0);
  CHECK(sender.take_done().empty());  // its marks are of other batches
  auto const post = std::get<StreamSender::Post>(sender.next(at(26)));
  REQUIRE(post.frames.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(post.frames[i].record == 2 + i);
    CHECK(post.frames[i].place == Place{Lane::fresh, 42 + i});
    CHECK_FALSE(post.frames[i].base);
  }
}
