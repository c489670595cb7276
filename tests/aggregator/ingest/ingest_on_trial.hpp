#pragma once
// Ingest in front of a store whose syncs come when the test says so, and what agents send to it.

#include <catch2/catch.hpp>
#include <deque>
#include <memory>

#include "aggregator/ingest/ingest.hpp"
#include "common/core/delivery/protocol.hpp"
#include "common/core/frame/frame.hpp"
#include "tests/hand_clock.hpp"

namespace dadvisor::aggregator::ingest {

inline constexpr std::int64_t day_one = test::HandClock::day_one;

// A store whose syncs come when the test says so.
struct HandStore final : store::Appender {
  struct Waiting {
    std::string frame;
    std::shared_ptr<Batch const> batch;
    std::function<void(Result<void>)> done;
  };
  std::deque<Waiting> waiting;
  std::vector<Batch> kept;
  std::vector<store::StreamMark> at_start;

  void append(std::string frame, std::shared_ptr<Batch const> batch,
              std::function<void(Result<void>)> done) override {
    waiting.push_back({std::move(frame), std::move(batch), std::move(done)});
  }
  std::vector<store::StreamMark> marks() const override { return at_start; }
  std::uint64_t unapplied = 0;
  std::uint64_t unapplied_cells() const override { return unapplied; }

  void sync() {  // what waits now; what that lets in waits for the next
    std::deque<Waiting> now;
    now.swap(waiting);
    for (auto& entry : now) {
      kept.push_back(*entry.batch);
      entry.done({});
    }
  }
  void fail() {
    std::deque<Waiting> now;
    now.swap(waiting);
    for (auto& entry : now) entry.done(Error{Errc::unavailable, ENOSPC, "disk full"});
  }
};

struct Aggregator {
  test::HandClock clock;
  HandStore store;
  std::deque<std::function<void()>> posted;
  std::unique_ptr<Ingest> ingest;

  explicit Aggregator(std::vector<store::StreamMark> marks = {}, IngestOptions options = {}) {
    store.at_start = std::move(marks);
    ingest = std::make_unique<Ingest>(
        std::move(options), store, clock,
        [this](auto function) { posted.push_back(std::move(function)); }, Log("ingest"));
  }
  void run_posted() {
    while (!posted.empty()) {
      auto function = std::move(posted.front());
      posted.pop_front();
      function();
    }
  }
  void sync_all() {
    for (int i = 0; i < 100 && !store.waiting.empty(); ++i) {
      store.sync();
      run_posted();
    }
  }
  std::shared_ptr<std::optional<Reply>> hello(std::string const& agent,
                                              delivery::LaneMarks first = {1, 1},
                                              Ingest::Proven const& proven = {},
                                              std::string const& instance = "i") {
    auto reply = std::make_shared<std::optional<Reply>>();
    delivery::Hello const hello{agent, instance, "boot", 1, first};
    ingest->hello(to_json(hello), proven, [reply](Reply r) { *reply = std::move(r); });
    return reply;
  }
  std::shared_ptr<std::optional<Reply>> send(std::string body, Ingest::Proven const& proven = {}) {
    auto reply = std::make_shared<std::optional<Reply>>();
    ingest->batches(std::move(body), proven, [reply](Reply r) { *reply = std::move(r); });
    return reply;
  }
};

inline Batch batch_of(std::string const& agent, std::uint64_t sequence, Lane lane = Lane::fresh,
                      std::int64_t tick = day_one) {
  Batch batch;
  batch.stream = {agent, 1};
  batch.lane = lane;
  batch.sequence = sequence;
  batch.tick = from_unix_seconds(tick);
  batch.step = std::chrono::seconds(10);
  batch.schemas = {{{1, 2}}};
  batch.entities = {{0, {{EntityKind::host, agent, "", 0}, {}}}};
  batch.rows = {{0, 0, {static_cast<std::int64_t>(sequence), std::nullopt}}};
  return batch;
}

inline std::string body_of(std::vector<std::string> const& frames,
                           std::string const& instance = "i") {
  auto body = delivery::start_batches(instance);
  for (auto const& frame : frames) delivery::add_frame(body, frame);
  return body;
}
inline std::string body_of(Batch const& batch) {
  return body_of(std::vector{encode_key_frame(batch)});
}

inline delivery::BatchesReply answer(std::shared_ptr<std::optional<Reply>> const& reply) {
  REQUIRE(reply->has_value());
  auto const parsed = delivery::parse_batches_reply((*reply)->body);
  INFO((*reply)->body);
  REQUIRE(parsed);
  CHECK((*reply)->status == delivery::status_of(*parsed));
  return *parsed;
}
inline unsigned status(std::shared_ptr<std::optional<Reply>> const& reply) {
  return reply->has_value() ? (*reply)->status : 0;
}

}  // namespace dadvisor::aggregator::ingest
