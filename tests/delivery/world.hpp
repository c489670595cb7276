#pragma once
// An agent's Sender and an aggregator's Ingest in one process and one simulated time, without
// sockets: bodies go over as they are, and what Ingest appends is kept.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/send/sender.hpp"
#include "aggregator/ingest/ingest.hpp"
#include "common/core/delivery/protocol.hpp"
#include "tests/hand_clock.hpp"

namespace dadvisor::test {

using std::chrono::seconds;

inline constexpr std::int64_t day_one = test::HandClock::day_one;
inline constexpr Nanoseconds step = seconds(10);

// A store: what it was given, in that order. Its marks are those of what it has.
struct KeepingStore final : aggregator::store::Appender {
  std::vector<Batch> kept;
  std::deque<std::function<void(Result<void>)>> waiting;

  void append(std::string, std::shared_ptr<Batch const> batch,
              std::function<void(Result<void>)> done) override {
    kept.push_back(*batch);
    waiting.push_back(std::move(done));
  }
  std::uint64_t unapplied_cells() const override { return 0; }
  std::vector<aggregator::store::StreamMark> marks() const override {
    std::vector<aggregator::store::StreamMark> marks;
    for (auto const& batch : kept) marks.push_back({batch.stream, batch.lane, batch.sequence});
    return marks;
  }
};

class World {
 public:
  test::HandClock clock;
  agent::SenderOptions options;
  KeepingStore store;
  std::unique_ptr<aggregator::ingest::Ingest> ingest;
  std::unique_ptr<agent::Sender> sender;
  bool away = false;  // the aggregator
  bool loses_answers = false;

  World() {
    char name[] = "/tmp/delivery-test-XXXXXX";
    directory_ = ::mkdtemp(name);
    options.agent = "host-1";
    options.aggregators = {"http://127.0.0.1:8686"};
    options.spool.directory = directory_ + "/spool";
    options.boot_id = "boot";
    start_aggregator();
  }
  ~World() {
    sender.reset();
    ingest.reset();
    std::filesystem::remove_all(directory_);
  }
  World(World const&) = delete;
  World& operator=(World const&) = delete;

  // What the store has outlives it.
  void start_aggregator() {
    ingest = std::make_unique<aggregator::ingest::Ingest>(
        aggregator::ingest::IngestOptions(), store, clock,
        [this](auto function) { due_.push_back(std::move(function)); }, Log("ingest"));
  }
  // As after kill -9: nothing is said or written before the new run.
  void kill_agent() {
    sender.reset();
    timer_.reset();
  }
  void start_agent() {
    kill_agent();
    options.instance = "run " + std::to_string(++runs_);
    sender = std::make_unique<agent::Sender>(options, std::make_unique<Link>(*this), clock,
                                             Log("send"), 1);
  }

  static Batch batch(int number) {
    Batch batch;
    batch.tick = from_unix_seconds(day_one) + number * step;
    batch.step = step;
    batch.schemas = {{{1, 2}}};
    batch.entities = {{0, {{EntityKind::host, "host-1", "", 0}, {{"host", "host-1"}}}}};
    batch.rows = {{0, 0, {number * 1000 + 7, std::nullopt}}};
    return batch;
  }
  static int number_of(WallTime tick) {
    return static_cast<int>((tick - from_unix_seconds(day_one)) / step);
  }

  // Lets time pass up to the tick of that number, and submits its batch.
  void submit(int number) { submit(batch(number)); }
  void submit(Batch batch) {
    run_until(batch.tick);
    sender->submit(std::make_shared<Batch>(std::move(batch)));
    settle();
  }
  void run_for(Nanoseconds time) { run_until(clock.now + time); }

  // The numbers of the ticks that arrived. A tick may come twice where a place was lost, but then
  // with the same rows, of which a store takes one; every row is as it was submitted.
  std::set<int> arrived() const {
    std::map<int, std::vector<Row>> rows;
    for (auto const& one : store.kept) {
      auto const [at, fresh] = rows.try_emplace(number_of(one.tick), one.rows);
      if (!fresh) REQUIRE(at->second == one.rows);
      REQUIRE(one.rows.at(0) == batch(at->first).rows.at(0));
    }
    std::set<int> numbers;
    for (auto const& [number, its] : rows) numbers.insert(number);
    return numbers;
  }
  // The losses that arrived, in the order of their first ticks.
  std::vector<Loss> told() const {
    std::vector<Loss> losses;
    for (auto const& one : store.kept)
      losses.insert(losses.end(), one.losses.begin(), one.losses.end());
    std::ranges::sort(losses, {}, &Loss::first);
    return losses;
  }

 private:
  struct Link final : agent::Transport {
    World& world;
    explicit Link(World& w) : world(w) {}
    std::shared_ptr<int> alive = std::make_shared<int>(0);

    void post(std::string_view path, std::string_view, std::string body,
              std::function<void(Result<agent::PostReply>)> callback) override {
      bool const hello = path == delivery::hello_path;
      auto const answer = [&w = world, weak = std::weak_ptr(alive),
                           callback = std::move(callback)](Result<agent::PostReply> reply) {
        if (w.loses_answers) reply = Error{Errc::timeout, 0, "no answer"};
        w.due_.push_back([weak, callback, reply = std::move(reply)] {
          if (!weak.expired()) callback(reply);
        });
      };
      if (world.away) return answer(Error{Errc::unavailable, 0, "connection refused"});
      auto const reply = [answer](aggregator::ingest::Reply said) {
        answer(agent::PostReply{said.status, said.body, std::nullopt});
      };
      if (hello)
        world.ingest->hello(std::move(body), {}, reply);
      else
        world.ingest->batches(std::move(body), {}, reply);
    }
    void call_after(Nanoseconds time, std::function<void()> function) override {
      world.timer_ = Timer{world.clock.mono + time, std::move(function)};
    }
  };

  // All that is due now, and what follows from it.
  void settle() {
    while (!due_.empty() || !store.waiting.empty()) {
      if (due_.empty()) {
        auto const done = std::move(store.waiting.front());
        store.waiting.pop_front();
        done({});
        continue;
      }
      auto const one = std::move(due_.front());
      due_.pop_front();
      one();
    }
  }
  void run_until(WallTime end) {
    settle();
    while (timer_ && timer_->at - clock.mono <= end - clock.now) {
      pass(std::max(timer_->at - clock.mono, Nanoseconds::zero()));
      auto const function = std::move(timer_->function);
      timer_.reset();
      function();
      settle();
    }
    if (end > clock.now) pass(end - clock.now);
  }
  void pass(Nanoseconds time) { clock.advance(time); }

  struct Timer {
    MonotonicTime at{};
    std::function<void()> function;
  };
  std::string directory_;
  std::deque<std::function<void()>> due_;
  std::optional<Timer> timer_;
  int runs_ = 0;
};

}  // namespace dadvisor::test
