#include "aggregator/api/query_pool.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <future>
#include <memory>

using namespace dadvisor;
using namespace dadvisor::aggregator::api;
using namespace std::chrono_literals;

namespace {

// Each look takes half a slice, so that every third piece of work gives way.
class TickingClock final : public Clock {
 public:
  WallTime wall() const override { return WallTime{}; }
  MonotonicTime monotonic() const override {
    return MonotonicTime(++looks_ * QueryPool::slice / 2);
  }

 private:
  mutable std::atomic<std::int64_t> looks_{0};
};

// A job that works until it is told to end.
struct Long {
  std::promise<void> begun;
  std::atomic<bool> ends{false};
  std::atomic<std::int64_t> waited{0};  // ns that it gave way for

  QueryPool::Job job(QueryPool& pool, Clock const& clock) {
    return [this, &pool, &clock] {
      begun.set_value();
      QueryPool::Turn turn(pool, clock);
      while (!ends && !turn.over()) waited += turn.give_way().count();
    };
  }
};

}  // namespace

TEST_CASE("a short job is done while long ones work on the only thread") {
  TickingClock const clock;
  Long first, second;
  QueryPool pool(1, 10, 2);
  REQUIRE(pool.submit(first.job(pool, clock)));
  first.begun.get_future().wait();
  REQUIRE(pool.submit(second.job(pool, clock)));
  second.begun.get_future().wait();  // it begins although the first has not ended
  for (int i = 0; i < 100; ++i) {
    auto const done = std::make_shared<std::promise<void>>();
    REQUIRE(pool.submit([done] { done->set_value(); }));
    done->get_future().wait();
  }
  CHECK(first.waited > 0);
  CHECK(second.waited > 0);
  first.ends = second.ends = true;
}

TEST_CASE("no more work at a time than may, and no more begin than may") {
  TickingClock const clock;
  std::atomic<int> working{0}, most_working{0}, begun{0}, most_begun{0}, done{0};
  auto const raise = [](std::atomic<int>& most, int now) {
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
  };
  std::promise<void> all;
  QueryPool pool(2, 1000, 3);
  constexpr int jobs = 200;
  for (int i = 0; i < jobs; ++i)
    REQUIRE(pool.submit([&] {
      raise(most_begun, ++begun);
      raise(most_working, ++working);
      QueryPool::Turn turn(pool, clock);
      for (int piece = 0; piece < 20; ++piece) {
        --working;
        turn.give_way();
        raise(most_working, ++working);
      }
      --working;
      --begun;
      if (++done == jobs) all.set_value();
    }));
  all.get_future().wait();
  CHECK(most_working <= 2);
  CHECK(most_begun <= 5);
}

TEST_CASE("an endless row of short jobs does not keep a long one from its turns") {
  TickingClock const clock;
  std::promise<void> begun, goes, done;
  std::atomic<bool> ended{false};
  std::atomic<int> short_ones{0};
  std::function<void()> next;
  QueryPool pool(1, 10, 1);
  next = [&] {  // each one's place is behind all that are there
    ++short_ones;
    if (!ended) static_cast<void>(pool.submit(next));
  };
  REQUIRE(pool.submit([&] {
    begun.set_value();
    goes.get_future().wait();
    QueryPool::Turn turn(pool, clock);
    while (short_ones < 8) turn.give_way();  // they go before it,
    for (int piece = 0; piece < 30; ++piece) turn.give_way();
    ended = true;  // and it before those that come
    done.set_value();
  }));
  begun.get_future().wait();
  REQUIRE(pool.submit(next));
  goes.set_value();
  done.get_future().wait();
  CHECK(short_ones >= 8);
}

TEST_CASE("a pool that ends lets those that gave way end") {
  TickingClock const clock;
  Long first, second;
  {
    QueryPool pool(1, 10, 1);
    REQUIRE(pool.submit(first.job(pool, clock)));
    first.begun.get_future().wait();
    REQUIRE(pool.submit(second.job(pool, clock)));
    second.begun.get_future().wait();
  }
  SUCCEED("both saw that it is over");
}

TEST_CASE("more jobs than may wait are refused") {
  std::promise<void> begun, goes;
  QueryPool pool(1, 2);
  REQUIRE(pool.submit([&] {
    begun.set_value();
    goes.get_future().wait();
  }));
  begun.get_future().wait();
  CHECK(pool.submit([] {}));
  CHECK(pool.submit([] {}));
  CHECK_FALSE(pool.submit([] {}));
  goes.set_value();
}
