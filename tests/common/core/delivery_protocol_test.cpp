#include <catch2/catch.hpp>

#include "common/core/delivery/protocol.hpp"

using namespace dadvisor;
using namespace dadvisor::delivery;
using Want = BatchesReply::Want;

namespace {

Hello hello_of(std::string instance, std::uint64_t epoch = 1, LaneMarks first = {1, 1},
               std::string boot = "boot") {
  return {"host-1", std::move(instance), std::move(boot), epoch, first};
}

BatchesReply acked(std::uint64_t fresh, std::uint64_t backlog = 0) {
  BatchesReply reply;
  reply.acked = {fresh, backlog};
  return reply;
}

}  // namespace

TEST_CASE("what both sides say survives its JSON") {
  auto const hello = hello_of("i", 1700000000, {5, 7});
  CHECK(*parse_hello(to_json(hello)) == hello);

  HelloReply reply;
  reply.hi = {3, ~0ull};
  CHECK(*parse_hello_reply(to_json(reply)) == reply);
  CHECK(status_of(reply) == 200);
  reply = {HelloReply::Kind::old_epoch, {}, 9, "over"};
  CHECK(*parse_hello_reply(to_json(reply)) == reply);
  CHECK(status_of(reply) == 409);

  auto batches = acked(4, 2);
  batches.refused.push_back({Lane::backlog, 2, "too \"old\""});
  CHECK(*parse_batches_reply(to_json(batches)) == batches);
  CHECK(status_of(batches) == 200);
  for (auto const want : {Want::sequence, Want::key}) {
    batches.want = want;
    batches.lane = Lane::backlog;
    batches.sequence = 3;
    CHECK(*parse_batches_reply(to_json(batches)) == batches);
    CHECK(status_of(batches) == 409);
  }
  batches.clock_offset = std::chrono::nanoseconds(-1'200'000);
  CHECK(*parse_batches_reply(to_json(batches)) == batches);
  CHECK_FALSE(parse_batches_reply(R"({"acked":{"fresh":1,"backlog":1},"clock_offset_ns":"late"})"));
  CHECK(to_json(acked(4, 2)) == R"({"acked":{"fresh":4,"backlog":2}})");
}

TEST_CASE("a hello or a reply that is not one is malformed") {
  for (
      auto const* text :
      {"", "x", "[]", "{}", "null", R"({"agent":"a"})",
       R"({"agent":"","instance":"i","boot_id":"b","epoch":1,"fresh":{"first":1},"backlog":{"first":1}})",
       R"({"agent":"a","instance":"i","boot_id":"b","epoch":-1,"fresh":{"first":1},"backlog":{"first":1}})",
       R"({"agent":"a","instance":"i","boot_id":"b","epoch":1,"fresh":{"first":0},"backlog":{"first":1}})",
       R"({"agent":"a","instance":"i","boot_id":"b","epoch":1,"fresh":1,"backlog":{"first":1}})"}) {
    INFO(text);
    CHECK(parse_hello(text).error().code == Errc::malformed);
    CHECK_FALSE(parse_hello_reply(text));
    CHECK_FALSE(parse_batches_reply(text));
  }
  CHECK(parse_hello(std::string(5000, ' ')).error().code == Errc::too_large);
  CHECK_FALSE(parse_hello(std::string(4000, '[')));  // depth
  CHECK_FALSE(parse_batches_reply(R"({"acked":{"fresh":1,"backlog":1},"want":2,"lane":"slow"})"));
  CHECK_FALSE(parse_batches_reply(R"({"acked":{"fresh":1,"backlog":1},"refused":[{}]})"));
}

TEST_CASE("a body of frames is split, and refused when cut, empty or over its limits") {
  auto body = start_batches("instance");
  CHECK_FALSE(parse_batches(body));
  add_frame(body, "first");
  add_frame(body, "");
  auto const batches = parse_batches(body);
  REQUIRE(batches);
  CHECK(batches->instance == "instance");
  CHECK_FALSE(batches->sent);
  auto timed = start_batches("instance", from_unix_seconds(1'700'000'000));
  CHECK(timed.substr(0, 21) == std::string("dAB2\x08instance\x00\x00*6\xfe\x9c\x97\x17", 21));
  CHECK_FALSE(
      parse_batches(start_batches("i", from_unix_seconds(-1)) + std::string("\1\0\0\0x", 5)));
  add_frame(timed, "first");
  CHECK(parse_batches(timed)->sent == from_unix_seconds(1'700'000'000));
  CHECK(batches->frames == std::vector<std::string_view>{"first", ""});
  for (std::size_t size = 0; size < body.size(); ++size)
    if (size != body.size() - 4)  // there the second frame begins
      CHECK_FALSE(parse_batches(body.substr(0, size)));
  for (int i = 0; i < 14; ++i) add_frame(body, "x");
  CHECK(parse_batches(body));
  add_frame(body, "x");
  CHECK(parse_batches(body).error().code == Errc::too_large);
  CHECK(parse_batches(start_batches("i") + std::string("\xff\xff\xff\xff")).error().code ==
        Errc::too_large);
  CHECK(parse_batches(std::string(body_bytes + 1, 'd')).error().code == Errc::too_large);
}
