#include "agent/send/sender.hpp"

#include "sender_world.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

TEST_CASE("agents spread their sending over a second, or a quarter of a short step") {
  std::vector<std::int64_t> tenths(10);
  for (int i = 0; i < 1000; ++i) {
    auto const offset = send_offset("host-" + std::to_string(i), seconds(10));
    REQUIRE((offset >= Nanoseconds::zero() && offset < seconds(1)));
    ++tenths[static_cast<std::size_t>(offset / milliseconds(100))];
    REQUIRE(send_offset("host-" + std::to_string(i), seconds(1)) < milliseconds(250));
  }
  for (auto const count : tenths) CHECK((count > 60 && count < 140));
}

TEST_CASE("a tick is sent at its time, as a key frame, then as deltas, and leaves the spool") {
  World world;
  world.welcome();
  world.submit(0);
  CHECK(world.posted.empty());
  CHECK(world.delay == send_offset("host-1", seconds(10)));
  world.wake();
  auto const first = decode_frame(world.frames().at(0), nullptr);
  REQUIRE(first);
  CHECK(first->stream == StreamId{"host-1", static_cast<std::uint64_t>(day_one)});
  CHECK(first->sequence == 1);
  CHECK(first->tick == from_unix_seconds(day_one));
  CHECK(world.sender->counters().waiting == 1);
  world.acknowledge({1, 0});
  CHECK(world.sender->counters().waiting == 0);
  CHECK(world.sender->counters().spool.batches == 0);
  CHECK(world.sender->counters().acknowledged == 1);

  world.submit(1);
  world.wake();
  auto const frame = world.frames().at(0);
  CHECK(peek_frame(frame)->base == 1);
  CHECK(value_of(*decode_frame(frame, &*first)) == 1);
  CHECK(world.sender->counters().delta_frames == 1);
  CHECK(world.sender->counters().spool.syncs == 0);  // a healthy link costs none
}

TEST_CASE("while nothing answers, batches are synced; then the newest is first and none is lost") {
  World world;
  world.take().callback(Error{Errc::unavailable, 0, "connection refused"});
  for (int i = 0; i < 30; ++i) {
    world.submit(i);
    while (!world.posted.empty()) world.take().callback(Error{Errc::timeout, 0, "no answer"});
  }
  CHECK(world.sender->counters().spool.batches == 30);
  CHECK(world.sender->counters().spool.syncs == 29);  // all but the first had one waiting
  std::vector<std::int64_t> fresh;
  std::vector<std::int64_t> backlog;
  LaneMarks acked;
  for (int i = 0; i < 60 && world.sender->counters().waiting > 0; ++i) {
    if (world.posted.empty()) {
      world.wake();
    } else if (world.posted.front().path == delivery::hello_path) {
      world.welcome(acked);
    } else {
      for (auto const& frame : world.frames()) {
        auto const batch = decode_frame(frame, nullptr);
        REQUIRE(batch);
        REQUIRE(batch->sequence == ++acked[batch->lane]);
        (batch->lane == Lane::fresh ? fresh : backlog).push_back(value_of(*batch));
      }
      world.acknowledge(acked);
    }
  }
  CHECK(fresh == std::vector<std::int64_t>{29});
  REQUIRE(backlog.size() == 29);
  for (std::size_t i = 0; i < backlog.size(); ++i)
    CHECK(backlog[i] == static_cast<std::int64_t>(i));
  CHECK(world.sender->counters().lost == 0);
}

TEST_CASE("an agent that is killed sends again what was not acknowledged, in its place") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  auto const before = world.frames().at(0);
  world.start();  // the answer never came
  auto const hello = delivery::parse_hello(world.posted.front().body);
  REQUIRE(hello);
  CHECK(hello->first == LaneMarks{1, 1});
  world.welcome();
  CHECK(world.frames().at(0) == before);
  world.start();
  world.welcome({1, 0});  // it had arrived
  CHECK(world.sender->counters().waiting == 0);
  world.submit(1);
  world.wake();
  CHECK(peek_frame(world.frames().at(0))->sequence == 2);
}

TEST_CASE("each run has another instance, and says it in both requests") {
  World world;
  auto const first = delivery::parse_hello(world.posted.front().body)->instance;
  world.options.instance = "chosen";
  world.start();
  CHECK(delivery::parse_hello(world.posted.front().body)->instance == "chosen");
  CHECK(first != "chosen");
  world.welcome();
  world.submit(0);
  world.wake();
  CHECK(delivery::parse_batches(world.posted.front().body)->instance == "chosen");
}

TEST_CASE("Retry-After is kept; other refusals of the request drop nothing") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  world.answer(503, "disk full\n", seconds(20));
  CHECK((world.delay >= seconds(20) && world.delay <= seconds(21)));
  world.wake();
  CHECK(world.frames().size() == 1);  // the session goes on
  for (unsigned const status : {401u, 403u, 404u, 415u, 500u, 301u}) {
    world.answer(status, "no\n");
    CHECK(world.sender->counters().waiting == 1);
    CHECK(world.delay > Nanoseconds::zero());
    world.wake();
    world.welcome();
  }
  world.answer(200, "not what it must be");
  CHECK(world.sender->counters().waiting == 1);
  CHECK(world.sender->counters().failed_requests == 8);
}

TEST_CASE("a batch that is called malformed is set aside alone, the others arrive") {
  World world;
  for (int i = 0; i < 3; ++i) world.submit(i);
  world.clock.advance(seconds(1));
  world.welcome();
  CHECK(world.frames().size() == 3);
  std::vector<std::int64_t> taken;
  LaneMarks hi;
  for (int i = 0; i < 20 && world.sender->counters().waiting > 0; ++i) {
    if (world.posted.empty()) {
      world.wake();
    } else if (world.posted.front().path == delivery::hello_path) {
      auto const first = delivery::parse_hello(world.posted.front().body)->first.fresh;
      hi.fresh = std::max(hi.fresh, first - 1);
      world.welcome(hi);
    } else {
      std::vector<std::int64_t> values;
      for (auto const& frame : world.frames()) values.push_back(number_of(frame));
      if (std::count(values.begin(), values.end(), 1) > 0) {
        world.answer(400, "frame: its rows\n");
        continue;
      }
      taken.insert(taken.end(), values.begin(), values.end());
      hi.fresh += values.size();
      world.acknowledge(hi);
    }
  }
  CHECK(taken == std::vector<std::int64_t>{0, 2});
  CHECK(world.sender->counters().set_aside == 1);
  CHECK(world.sender->counters().dropped_rows == 1);
  CHECK(world.sender->counters().spool.batches == 0);
}

TEST_CASE("an epoch that is over is raised, for good, and the batches go under the new one") {
  World world;
  world.submit(0);
  delivery::HelloReply reply;
  reply.kind = delivery::HelloReply::Kind::old_epoch;
  reply.epoch = day_one + 7;
  world.answer(409, to_json(reply));
  CHECK(delivery::parse_hello(world.posted.front().body)->epoch == day_one + 8);
  world.welcome();
  world.wake();
  CHECK(decode_frame(world.frames().at(0), nullptr)->stream.epoch == day_one + 8);
  world.start();
  CHECK(delivery::parse_hello(world.posted.front().body)->epoch == day_one + 8);
  world.welcome();  // from the spool this time
  CHECK(decode_frame(world.frames().at(0), nullptr)->stream.epoch == day_one + 8);
}

TEST_CASE("a conflict is counted and tried again later") {
  World world;
  delivery::HelloReply reply;
  reply.kind = delivery::HelloReply::Kind::conflict;
  reply.text = "two";
  world.answer(409, to_json(reply));
  CHECK(world.sender->counters().conflicts == 1);
  CHECK(world.delay > Nanoseconds::zero());
  world.wake();
  world.welcome();
  CHECK(world.sender->counters().connected);
}

TEST_CASE("a change of schema makes a key frame; names are escaped; misfits are not sent") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  world.acknowledge({1, 0});
  auto batch = world.tick(1);
  batch.schemas[0].metrics.push_back(3);
  batch.rows[0].cells.push_back(5);
  batch.entities.edit()[0].entity.labels = {{"app", "a\nb" + std::string(1 << 20, 'x')}};
  world.clock.now = batch.tick;
  world.sender->submit(std::make_shared<Batch>(batch));
  world.wake();
  auto const sent = decode_frame(world.frames().at(0), nullptr);
  REQUIRE(sent);
  auto const app = sent->entities[0].entity.labels.front().second;
  CHECK(app.substr(0, 6) == "a\\x0ab");
  CHECK(app.size() <= frame_limit::label_value_bytes);

  batch.rows[0].cells.resize(batch.rows[0].cells.size() - 1);
  world.sender->submit(std::make_shared<Batch>(batch));
  CHECK(world.sender->counters().unfit == 1);
  CHECK(world.sender->counters().dropped_rows == 1);
  CHECK(world.sender->counters().waiting == 1);
}

TEST_CASE("strict syncs each batch; flush_for_exit what is left; a bad spool stops the start") {
  World world;
  world.options.strict = true;
  world.start();
  world.submit(0);
  CHECK(world.sender->counters().spool.syncs == 1);
  world.options.strict = false;
  world.start();
  world.welcome();
  world.acknowledge({0, 1});
  world.submit(1);
  CHECK(world.sender->counters().spool.syncs == 0);
  world.sender->flush_for_exit();
  CHECK(world.sender->counters().spool.syncs == 1);

  CHECK_THROWS_AS(Sender(world.options, std::make_unique<World::HandTransport>(world), world.clock,
                         Log("send"), 1),
                  std::runtime_error);  // the spool is in use
  auto nameless = world.options;
  nameless.spool.directory += "-2";
  nameless.agent.clear();
  CHECK_THROWS_AS(
      Sender(nameless, std::make_unique<World::HandTransport>(world), world.clock, Log("send"), 1),
      std::runtime_error);
}

TEST_CASE("requests tell the clock; the offset that comes back is kept until nothing answers") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  CHECK(delivery::parse_batches(world.posted.front().body)->sent == world.clock.now);
  CHECK_FALSE(world.sender->counters().clock_offset);
  BatchesReply reply;
  reply.acked = {1, 0};
  reply.clock_offset = milliseconds(-60);
  world.answer(200, to_json(reply));
  CHECK(world.sender->counters().clock_offset == milliseconds(-60));
  world.submit(1);
  world.wake();
  world.answer(502, "");
  CHECK_FALSE(world.sender->counters().clock_offset);
}

TEST_CASE("rows that the aggregator refuses are counted, of either lane") {
  World world;
  for (int i = 0; i < 12; ++i) world.submit(i);  // all but the newest go to the backlog lane
  world.clock.advance(seconds(1));
  world.welcome();
  auto const frames = world.frames();
  BatchesReply reply;
  for (auto const& frame : frames) {
    auto const header = peek_frame(frame);
    reply.acked[header->lane] = std::max(reply.acked[header->lane], header->sequence);
    reply.refused.push_back({header->lane, header->sequence, "no"});
  }
  REQUIRE(reply.acked.backlog > 0);
  REQUIRE(reply.acked.fresh > 0);
  world.answer(200, to_json(reply));
  CHECK(world.sender->counters().dropped_rows == frames.size());
}
