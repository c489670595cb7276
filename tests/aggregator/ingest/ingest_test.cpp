#include "aggregator/ingest/ingest.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <random>

#include "common/core/delivery/stream_sender.hpp"
#include "ingest_on_trial.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

using delivery::BatchesReply;
using delivery::LaneMarks;
using std::chrono::seconds;

TEST_CASE("a batch is acknowledged after its sync, not before, and stored as it was sent") {
  Aggregator aggregator;
  CHECK(status(aggregator.hello("a")) == 200);
  auto const batch = batch_of("a", 1);
  auto const reply = aggregator.send(body_of(batch));
  CHECK(status(reply) == 0);
  REQUIRE(aggregator.store.waiting.size() == 1);
  CHECK(aggregator.store.waiting[0].frame == encode_key_frame(batch));
  aggregator.store.sync();
  CHECK(status(reply) == 0);  // only on the io thread
  aggregator.run_posted();
  CHECK(answer(reply).acked == LaneMarks{1, 0});
  CHECK(aggregator.store.kept == std::vector<Batch>{batch});
  CHECK(aggregator.ingest->counters().batches == 1);
  CHECK(aggregator.ingest->counters().rows == 1);
  CHECK(aggregator.ingest->counters().waiting_bytes == 0);
}

TEST_CASE("a replayed batch is acknowledged again and not applied, also after a restart") {
  Aggregator aggregator({{{"a", 1}, Lane::fresh, 5}, {{"a", 1}, Lane::backlog, 2}});
  auto const hello = aggregator.hello("a", {6, 3});
  CHECK(delivery::parse_hello_reply((*hello)->body)->hi == LaneMarks{5, 2});
  auto const reply = aggregator.send(body_of(std::vector<std::string>{
      encode_key_frame(batch_of("a", 5)), encode_key_frame(batch_of("a", 2, Lane::backlog))}));
  CHECK(answer(reply).acked == LaneMarks{5, 2});
  CHECK(aggregator.store.waiting.empty());
  CHECK(aggregator.ingest->counters().repeated == 2);
}

TEST_CASE("a jump in the sequence is answered with what is wanted, and nothing is applied") {
  Aggregator aggregator;
  aggregator.hello("a");
  auto const reply = answer(aggregator.send(body_of(batch_of("a", 3))));
  CHECK(reply.want == BatchesReply::Want::sequence);
  CHECK(reply.sequence == 1);
  CHECK(aggregator.store.waiting.empty());
}

TEST_CASE("deltas decode against acknowledged batches; an unknown base is asked for") {
  Aggregator aggregator;
  aggregator.hello("a");
  auto const base = batch_of("a", 1);
  aggregator.send(body_of(base));
  aggregator.sync_all();
  // As many as there are in a request may run against the newest one that is acknowledged.
  std::vector<std::string> deltas;
  for (std::uint64_t sequence = 2; sequence <= 15; ++sequence)
    deltas.push_back(encode_delta_frame(batch_of("a", sequence), base));
  auto const deltas_reply = aggregator.send(body_of(deltas));
  aggregator.sync_all();
  REQUIRE(answer(deltas_reply).acked.fresh == 15);
  CHECK(aggregator.store.kept.back() == batch_of("a", 15));
  auto const newer = batch_of("a", 15);
  aggregator.send(body_of(std::vector<std::string>{encode_delta_frame(batch_of("a", 16), newer)}));
  aggregator.sync_all();
  // The base has moved on: the first is not held any more.
  auto reply = answer(aggregator.send(
      body_of(std::vector<std::string>{encode_delta_frame(batch_of("a", 17), base)})));
  CHECK(reply.want == BatchesReply::Want::key);
  CHECK(reply.sequence == 17);
  // And a new connection starts without any.
  aggregator.hello("a", {17, 1});
  reply = answer(aggregator.send(
      body_of(std::vector<std::string>{encode_delta_frame(batch_of("a", 17), newer)})));
  CHECK(reply.want == BatchesReply::Want::key);
}

TEST_CASE("a batch takes the cells of its base, but not while somebody reads them") {
  Aggregator aggregator;
  aggregator.hello("a");
  auto const send = [&](std::uint64_t sequence) {
    aggregator.send(body_of(std::vector<std::string>{
        encode_delta_frame(batch_of("a", sequence), batch_of("a", sequence - 1))}));
    REQUIRE(aggregator.store.waiting.size() == 1);
    return aggregator.store.waiting[0].batch;
  };
  aggregator.send(body_of(batch_of("a", 1)));
  auto first = aggregator.store.waiting[0].batch;
  aggregator.sync_all();
  auto const* cells = send(2)->rows[0].cells.words().data();
  CHECK(cells != first->rows[0].cells.words().data());
  CHECK(*first == batch_of("a", 1));
  aggregator.sync_all();
  CHECK(send(3)->rows[0].cells.words().data() == cells);
  aggregator.sync_all();
  CHECK(aggregator.store.kept ==
        std::vector<Batch>{batch_of("a", 1), batch_of("a", 2), batch_of("a", 3)});

  // What its successor did not survive is not there for the next try.
  send(4);
  aggregator.store.fail();
  aggregator.run_posted();
  auto const reply = answer(aggregator.send(
      body_of(std::vector<std::string>{encode_delta_frame(batch_of("a", 4), batch_of("a", 3))})));
  CHECK(reply.want == BatchesReply::Want::key);
  aggregator.send(body_of(batch_of("a", 4)));
  aggregator.sync_all();
  CHECK(aggregator.store.kept.back() == batch_of("a", 4));
}

TEST_CASE("a key frame's entities are those of the batch before, as long as they are the same") {
  Aggregator aggregator;
  aggregator.hello("a");
  std::vector<std::shared_ptr<Batch const>> batches;
  auto const send = [&](Batch const& batch) {
    aggregator.send(body_of(batch));
    REQUIRE(aggregator.store.waiting.size() == 1);
    batches.push_back(aggregator.store.waiting[0].batch);
    aggregator.sync_all();
  };
  send(batch_of("a", 1));
  send(batch_of("a", 2));
  auto other = batch_of("a", 3);
  other.entities.edit()[0].entity.labels = {{"cluster", "blue"}};
  send(other);
  CHECK(batches[1]->entities.is(batches[0]->entities));
  CHECK_FALSE(batches[2]->entities.is(batches[1]->entities));
  CHECK(aggregator.store.kept == std::vector<Batch>{batch_of("a", 1), batch_of("a", 2), other});
}

TEST_CASE("who has no session here, or not any more, is asked for a hello") {
  Aggregator aggregator;
  CHECK(answer(aggregator.send(body_of(batch_of("a", 1)))).want == BatchesReply::Want::hello);
  aggregator.hello("a");
  aggregator.hello("a", {1, 1}, {}, "second");
  CHECK(answer(aggregator.send(body_of(batch_of("a", 1)))).want == BatchesReply::Want::hello);
  auto const conflict = aggregator.hello("a");
  CHECK(status(conflict) == 409);
  CHECK(aggregator.ingest->counters().conflicts == 1);
}

TEST_CASE("a failed append is not acknowledged; nothing behind it is kept; it is taken later") {
  Aggregator aggregator;
  aggregator.hello("a");
  auto const both = body_of(std::vector<std::string>{encode_key_frame(batch_of("a", 1)),
                                                     encode_key_frame(batch_of("a", 2))});
  auto reply = aggregator.send(both);
  CHECK(aggregator.store.waiting.size() == 1);  // one at a time
  aggregator.store.fail();
  aggregator.run_posted();
  CHECK(status(reply) == 503);
  CHECK((*reply)->retry_after == seconds(1));
  CHECK(aggregator.store.waiting.empty());
  auto const hello = aggregator.hello("a");
  CHECK(delivery::parse_hello_reply((*hello)->body)->hi == LaneMarks{0, 0});
  reply = aggregator.send(both);
  aggregator.sync_all();
  CHECK(answer(reply).acked.fresh == 2);
  CHECK(aggregator.store.kept.size() == 2);
  CHECK(aggregator.ingest->counters().append_failures == 1);
}

TEST_CASE("a second request of one agent waits its turn; a hello waits for what is under way") {
  Aggregator aggregator;
  aggregator.hello("a");
  auto const first = aggregator.send(body_of(batch_of("a", 1)));
  auto const again = aggregator.send(body_of(batch_of("a", 1)));  // its reply was lost
  auto const hello = aggregator.hello("a");
  CHECK(aggregator.store.waiting.size() == 1);
  CHECK((status(again) == 0 && status(hello) == 0));
  aggregator.sync_all();
  CHECK(answer(first).acked.fresh == 1);
  CHECK(answer(again).acked.fresh == 1);
  CHECK(delivery::parse_hello_reply((*hello)->body)->hi == LaneMarks{1, 0});
  CHECK(aggregator.store.kept.size() == 1);

  aggregator.send(body_of(batch_of("a", 2)));
  for (int i = 0; i < 3; ++i) aggregator.send(body_of(batch_of("a", 2)));
  CHECK(status(aggregator.send(body_of(batch_of("a", 2)))) == 429);
}

TEST_CASE("a thousand agents do not wait for each other: one sync for all") {
  Aggregator aggregator;
  std::vector<std::shared_ptr<std::optional<Reply>>> replies;
  for (int i = 0; i < 1000; ++i) {
    auto const id = "agent-" + std::to_string(i);
    aggregator.hello(id);
    replies.push_back(aggregator.send(body_of(batch_of(id, 1))));
  }
  CHECK(aggregator.store.waiting.size() == 1000);
  aggregator.store.sync();
  aggregator.run_posted();
  for (auto const& reply : replies) REQUIRE(status(reply) == 200);
}

TEST_CASE("senders wait while the store lags behind its log, and nothing of theirs is lost") {
  IngestOptions options;
  options.max_unapplied_cells = 100;
  Aggregator aggregator({}, options);
  CHECK(status(aggregator.hello("a")) == 200);
  aggregator.store.unapplied = 101;
  auto const body = body_of(batch_of("a", 1));
  auto const refused = aggregator.send(body);
  REQUIRE(status(refused) == 503);
  CHECK((*refused)->retry_after == std::chrono::seconds(1));
  CHECK(aggregator.ingest->counters().turned_away == 1);
  aggregator.store.unapplied = 100;
  auto const taken = aggregator.send(body);
  aggregator.sync_all();
  CHECK(answer(taken).acked == LaneMarks{1, 0});
}

TEST_CASE("while the store lags what is fresh is taken before any backlog, which comes again") {
  IngestOptions options;
  options.max_unapplied_cells = 100;
  Aggregator aggregator({}, options);
  aggregator.hello("a");
  auto const backlog = encode_key_frame(batch_of("a", 1, Lane::backlog, day_one - 600));
  auto const body = body_of(std::vector{backlog, encode_key_frame(batch_of("a", 1))});
  aggregator.store.unapplied = 51;
  CHECK(status(aggregator.send(body_of(std::vector{backlog}))) == 503);
  auto const both = aggregator.send(body);
  aggregator.sync_all();
  CHECK(answer(both).acked == LaneMarks{1, 0});
  CHECK(aggregator.ingest->counters().postponed == 1);
  aggregator.store.unapplied = 50;
  auto const again = aggregator.send(body);
  aggregator.sync_all();
  CHECK(answer(again).acked == LaneMarks{1, 1});
  CHECK(aggregator.store.kept.size() == 2);
}

TEST_CASE("answers of the store that come after the end are let go") {
  Aggregator aggregator;
  aggregator.hello("a");
  auto const reply = aggregator.send(body_of(batch_of("a", 1)));
  aggregator.ingest.reset();
  aggregator.store.sync();
  aggregator.run_posted();
  CHECK(status(reply) == 0);
}

TEST_CASE("a sender and an ingest that restarts at random agree on every batch") {
  std::mt19937_64 random(7);
  std::vector<Batch> kept;
  std::vector<store::StreamMark> marks;
  auto aggregator = std::make_unique<Aggregator>();
  delivery::StreamSender sender(1);
  std::map<std::uint64_t, Batch> spool;
  std::map<std::uint64_t, Batch> bases;
  auto now = aggregator->clock.mono;
  std::uint64_t const ticks = 400;
  std::uint64_t deltas = 0;
  for (std::uint64_t step = 0; step < 4 * ticks || sender.waiting() > 0; ++step) {
    REQUIRE(step < 100 * ticks);
    now += seconds(1);
    aggregator->clock.mono = now;
    if (step % 4 == 0 && step / 4 < ticks) {
      auto const record = step / 4 + 1;
      spool[record] =
          batch_of("a", 0, Lane::fresh, day_one + 10 * (static_cast<std::int64_t>(record) - 399));
      spool[record].rows[0].cells.set(0, static_cast<std::int64_t>(record));
      sender.produced(record, 1, now);
    }
    auto const action = sender.next(now);
    std::shared_ptr<std::optional<Reply>> reply;
    bool const is_hello = std::holds_alternative<delivery::StreamSender::SayHello>(action);
    if (is_hello) {
      bases.clear();
      reply = aggregator->hello("a", std::get<delivery::StreamSender::SayHello>(action).first);
    } else if (auto const* post = std::get_if<delivery::StreamSender::Post>(&action)) {
      std::vector<std::string> frames;
      for (auto const& frame : post->frames) {
        auto& batch = spool.at(frame.record);
        batch.lane = frame.place.lane;
        batch.sequence = frame.place.sequence;
        if (batch.lane == Lane::fresh) bases[batch.sequence] = batch;
        deltas += frame.base ? 1 : 0;
        frames.push_back(frame.base ? encode_delta_frame(batch, bases.at(*frame.base))
                                    : encode_key_frame(batch));
      }
      reply = aggregator->send(body_of(frames));
    } else {
      continue;
    }
    // The store may sync a part and die, or fail, or do its work.
    for (auto left = random() % 12; left > 0; --left) {
      aggregator->store.sync();
      aggregator->run_posted();
    }
    if (random() % 8 == 0) aggregator->store.fail();
    aggregator->run_posted();
    if (random() % 10 == 0) {  // killed
      reply->reset();
      for (auto const& batch : aggregator->store.kept)
        marks.push_back({batch.stream, batch.lane, batch.sequence});
      kept.insert(kept.end(), aggregator->store.kept.begin(), aggregator->store.kept.end());
      aggregator = std::make_unique<Aggregator>(marks);
    }
    if (!reply->has_value())
      sender.failed(now, 0.01);
    else if (is_hello)
      sender.welcomed(delivery::parse_hello_reply((*reply)->body)->hi, now, 0.01);
    else if ((*reply)->status == 503 || (*reply)->status == 429)
      sender.told_to_wait(seconds(1), now, 0.01);
    else
      sender.answered(answer(reply), now, 0.01);
    for (auto const record : sender.take_done()) spool.erase(record);
  }
  kept.insert(kept.end(), aggregator->store.kept.begin(), aggregator->store.kept.end());
  std::vector<std::int64_t> values;
  for (auto const& batch : kept) values.push_back(*batch.rows[0].cells[0]);
  std::sort(values.begin(), values.end());
  REQUIRE(values.size() == ticks);
  for (std::size_t i = 0; i < values.size(); ++i)
    REQUIRE(values[i] == static_cast<std::int64_t>(i) + 1);
  CHECK(deltas > 20);
}

TEST_CASE("what an agent lost is counted and kept by its sequences") {
  Aggregator aggregator;
  aggregator.hello("a");
  aggregator.send(body_of(batch_of("a", 1)));
  aggregator.sync_all();
  aggregator.hello("a", {5, 3});
  auto const& told = aggregator.ingest->lost();
  REQUIRE(told.size() == 2);
  CHECK(told[0].agent == "a");
  CHECK(told[0].range == delivery::LostRange{Lane::fresh, 2, 4});
  CHECK(told[0].after == from_unix_seconds(day_one));
  CHECK(told[1].range == delivery::LostRange{Lane::backlog, 1, 2});
  CHECK(aggregator.ingest->counters().lost == 5);
  aggregator.hello("a", {5, 3});  // the same again
  CHECK(told.size() == 2);
}

}  // namespace
}  // namespace dadvisor::aggregator::ingest
