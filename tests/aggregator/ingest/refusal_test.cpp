// What Ingest refuses: foreign rows, what is malformed, too large, too many or of another time.

#include <catch2/catch.hpp>
#include <limits>

#include "ingest_on_trial.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string sent_at(Batch const& batch, WallTime sent) {
  auto body = delivery::start_batches("i", sent);
  delivery::add_frame(body, encode_key_frame(batch));
  return body;
}

TEST_CASE("a tick ahead of the clock or too old is refused, counted, and the rest is kept") {
  Aggregator aggregator;
  aggregator.hello("a");
  auto misaligned = batch_of("a", 4);
  misaligned.tick += seconds(1);
  auto endless = batch_of("a", 5);
  endless.step = Nanoseconds(-5);
  auto const reply = aggregator.send(body_of(std::vector<std::string>{
      encode_key_frame(batch_of("a", 1, Lane::fresh, day_one + 610)),
      encode_key_frame(batch_of("a", 2, Lane::fresh, day_one + 600)),
      encode_key_frame(batch_of("a", 3, Lane::fresh, day_one - 86410)),
      encode_key_frame(misaligned), encode_key_frame(endless),
      encode_key_frame(batch_of("a", 6, Lane::fresh, day_one - 86400)),
      encode_key_frame(batch_of("a", 7, Lane::fresh, std::int64_t(1) << 32)),
      encode_key_frame(batch_of("a", 8))}));
  aggregator.sync_all();
  auto const said = answer(reply);
  CHECK(said.acked.fresh == 8);
  std::vector<std::uint64_t> refused;
  for (auto const& batch : said.refused) refused.push_back(batch.sequence);
  CHECK(refused == std::vector<std::uint64_t>{1, 3, 4, 5, 7});
  CHECK(aggregator.store.kept.size() == 3);
  auto const counters = aggregator.ingest->counters();
  CHECK(counters.quarantined == 2);
  CHECK(counters.too_old == 1);
  CHECK(counters.unfit == 2);
}

TEST_CASE("a stamp at the ends of the range is refused without overflow") {
  test::HandClock clock;
  for (auto const ns :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
        std::int64_t(0), std::int64_t(-1)}) {
    FrameHeader header;
    header.step = seconds(10);
    header.tick = WallTime(Nanoseconds(ns));
    CHECK(object_to_stamp(header, clock.now));
  }
}

TEST_CASE("an agent writes no rows of another host, by its token or by its rows") {
  Aggregator aggregator;
  CHECK(status(aggregator.hello("a", {1, 1}, {"b"})) == 403);
  CHECK(status(aggregator.hello("a", {1, 1}, {"a"})) == 200);
  CHECK(status(aggregator.send(body_of(batch_of("a", 1)), {"b", "c"})) == 403);
  CHECK(aggregator.ingest->counters().denied == 2);
  auto batch = batch_of("a", 1);
  batch.entities.edit()[0].entity.key.host = "b";
  auto const reply = answer(aggregator.send(body_of(batch), {"a"}));
  REQUIRE(reply.refused.size() == 1);
  CHECK(reply.refused[0].reason.find("another host") != std::string::npos);
  CHECK(aggregator.store.waiting.empty());
}

TEST_CASE("what is malformed or too large gets one line, harms no other agent, leaves no trace") {
  Aggregator aggregator;
  aggregator.hello("a");
  aggregator.hello("b");
  auto const good = encode_key_frame(batch_of("a", 1));
  std::mt19937 random(1);
  std::string noise;
  for (int i = 0; i < 1 << 20; ++i) noise.push_back(static_cast<char>(random()));
  auto flipped = good;
  flipped[20] ^= 1;
  auto newer = good;
  newer[3] = '2';
  auto none = batch_of("a", 0);
  for (auto const& [body, expected] : std::vector<std::pair<std::string, unsigned>>{
           {"", 400},
           {noise, 400},
           {body_of(std::vector<std::string>{flipped}), 400},
           {body_of(std::vector<std::string>{good.substr(0, good.size() - 1)}), 400},
           {body_of(std::vector<std::string>{good, encode_key_frame(batch_of("b", 1))}), 400},
           {body_of(none), 400},
           {body_of(std::vector<std::string>{newer}), 415},
           {std::string(delivery::body_bytes + 1, 'd'), 413},
           {delivery::start_batches("i") + "\xff\xff\xff\xff", 413}}) {
    auto const reply = aggregator.send(body);
    CHECK(status(reply) == expected);
    if (reply->has_value()) {
      CHECK((*reply)->body.back() == '\n');
      CHECK((*reply)->body.size() < 200);
    }
  }
  CHECK(aggregator.ingest->counters().malformed == 9);
  CHECK(aggregator.store.waiting.empty());
  for (auto const* agent : {"a", "b"}) {
    auto const reply = aggregator.send(body_of(batch_of(agent, 1)));
    aggregator.sync_all();
    CHECK(answer(reply).acked.fresh == 1);
  }
  auto reply = aggregator.hello("a\nb");
  CHECK(status(reply) == 400);
}

TEST_CASE("agents and waiting bytes are bounded") {
  IngestOptions options;
  options.max_agents = 2;
  options.max_waiting_bytes = 300;
  Aggregator aggregator({}, options);
  CHECK(status(aggregator.hello("a")) == 200);
  CHECK(status(aggregator.hello("b")) == 200);
  CHECK(status(aggregator.hello("c")) == 503);
  CHECK(status(aggregator.hello("b")) == 200);
  auto batch = batch_of("a", 1);
  batch.entities.edit()[0].entity.labels = {{"app", std::string(150, 'x')}};
  aggregator.send(body_of(batch));
  batch.stream.agent = "b";
  CHECK(status(aggregator.send(body_of(batch))) == 503);
}

TEST_CASE("an agent's clock is seen by what it says when it sends, less the way") {
  Aggregator aggregator;
  aggregator.hello("a");
  CHECK_FALSE(aggregator.ingest->streams().at(0).clock_offset);
  // 40 s ahead, and so long on the way; the least delayed is the nearest to the truth.
  std::uint64_t sequence = 0;
  Nanoseconds expected{};
  for (auto const way : {milliseconds(900), milliseconds(20), milliseconds(3000)}) {
    auto const reply = aggregator.send(
        sent_at(batch_of("a", ++sequence), aggregator.clock.wall() + seconds(40) - way));
    aggregator.sync_all();
    expected = std::max(expected, Nanoseconds(seconds(40) - way));
    CHECK(answer(reply).clock_offset == expected);
  }
  CHECK(aggregator.ingest->streams().at(0).clock_offset == seconds(40) - milliseconds(20));
  // It is set right; four requests later nothing else is known.
  for (int i = 0; i < 4; ++i) {
    aggregator.send(sent_at(batch_of("a", ++sequence), aggregator.clock.wall()));
    aggregator.sync_all();
  }
  CHECK(aggregator.ingest->streams().at(0).clock_offset == Nanoseconds::zero());
  // Who does not tell the time has no offset, rather than none.
  aggregator.hello("b");
  CHECK_FALSE(answer([&] {
                auto const reply = aggregator.send(body_of(batch_of("b", 1)));
                aggregator.sync_all();
                return reply;
              }())
                  .clock_offset);
}

TEST_CASE("what comes from a clock more than 10 minutes off is refused with the reason, not kept") {
  Aggregator aggregator;
  aggregator.hello("a");
  std::uint64_t sequence = 0;
  auto const send = [&](Nanoseconds offset) {
    // The stamp is as wrong as the clock.
    auto batch = batch_of("a", ++sequence);
    batch.tick = tick_of(batch.tick + offset, batch.step);
    auto const reply = aggregator.send(sent_at(batch, aggregator.clock.wall() + offset));
    aggregator.sync_all();
    return answer(reply);
  };
  CHECK(send(std::chrono::minutes(-10)).refused.empty());
  auto const behind = send(-seconds(601));
  REQUIRE(behind.refused.size() == 1);
  CHECK(behind.acked.fresh == 2);
  CHECK(behind.refused[0].reason ==
        "the host's clock is 601.0 s behind this machine's: set it, its stamps are wrong");
  auto const ahead = send(std::chrono::hours(24 * 365));
  REQUIRE(ahead.refused.size() == 1);
  CHECK(ahead.refused[0].reason ==
        "the host's clock is 31536000.0 s ahead of this machine's: set it, its stamps are wrong");
  CHECK(aggregator.store.kept.size() == 1);
  CHECK(aggregator.ingest->counters().quarantined == 2);
  // Set right, it is taken at once.
  CHECK(send({}).refused.empty());
  CHECK(aggregator.store.kept.size() == 2);
}

}  // namespace
}  // namespace dadvisor::aggregator::ingest
