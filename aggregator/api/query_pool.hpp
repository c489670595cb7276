#pragma once
// Threads that answer queries, so that a long one holds up neither ingest nor the other clients.
// submit() from any thread; each job runs once on one of the pool's threads.
//
// At most `at_once` jobs work at a time. Where more may have begun, one that has worked for a while
// gives way between two pieces of its work to those that wait: a short one is answered before two
// long ones are, on one core too.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "common/core/clock.hpp"

namespace dadvisor::aggregator::api {

// Whether nobody waits for a job's answer any more: then nothing must happen, or go on.
using Abandoned = std::function<bool()>;

class QueryPool {
 public:
  using Job = std::function<void()>;
  // `capacity`: jobs that may wait; more are refused, so that memory stays bounded, as it is by
  // `begun_more`: how many may have begun beside those that work.
  QueryPool(std::size_t at_once, std::size_t capacity, std::size_t begun_more = 0);
  ~QueryPool();  // jobs that run are finished, those that wait are dropped
  QueryPool(QueryPool const&) = delete;
  QueryPool& operator=(QueryPool const&) = delete;

  // False when too many wait: the caller answers 503.
  bool submit(Job job);

  // A job's turn to work, made by it on its thread when it begins.
  class Turn {
   public:
    Turn(QueryPool& pool, Clock const& clock)
        : pool_(pool), clock_(clock), since_(clock.monotonic()) {}
    // Lets others work where the job has had its slice and they wait; how long that took.
    Nanoseconds give_way();
    // Whether the pool is about to end: the job should too.
    bool over() const { return pool_.stopping_; }

   private:
    friend class QueryPool;
    QueryPool& pool_;
    Clock const& clock_;
    MonotonicTime since_;
    std::uint64_t place_ = 0;
    bool goes_on_ = false;  // under the pool's mutex
    std::condition_variable wake_;
  };

  static constexpr Nanoseconds slice = std::chrono::milliseconds(10);

 private:
  struct Waiting {
    Job job;
    std::uint64_t place;
  };

  void work();
  void hand_out();

  std::size_t const at_once_, capacity_;
  std::mutex mutex_;  // of all that follows
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;  // not begun
  std::deque<Turn*> resting_;    // begun, gave way
  std::uint64_t next_place_ = 0;
  std::size_t working_ = 0;   // jobs that have a turn, or are about to have one
  std::size_t idle_ = 0;      // threads without a job
  std::size_t to_begin_ = 0;  // jobs that an idle thread is about to take
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace dadvisor::aggregator::api
