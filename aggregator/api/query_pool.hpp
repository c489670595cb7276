#pragma once
// Threads that answer queries, so that a long one holds up neither ingest nor the other clients.
// submit() from any thread; each job runs once on one of the pool's threads.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace dadvisor::aggregator::api {

// Whether nobody waits for a job's answer any more: then nothing must happen, or go on.
using Abandoned = std::function<bool()>;

class QueryPool {
 public:
  using Job = std::function<void()>;
  // `capacity`: jobs that may wait; more are refused, so that memory stays bounded.
  QueryPool(std::size_t threads, std::size_t capacity);
  ~QueryPool();  // jobs that run are finished, those that wait are dropped
  QueryPool(QueryPool const&) = delete;
  QueryPool& operator=(QueryPool const&) = delete;

  // False when too many wait: the caller answers 503.
  bool submit(Job job);

 private:
  void work();

  std::size_t const capacity_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dadvisor::aggregator::api
