#include "aggregator/api/query_pool.hpp"

namespace dadvisor::aggregator::api {
namespace {

// How many that come later go before one that gave way: enough that short ones are not held up, few
// enough that a crowd of them does not keep a long one from its end.
constexpr std::uint64_t passed_by = 8;

}  // namespace

QueryPool::QueryPool(std::size_t at_once, std::size_t capacity, std::size_t begun_more)
    : at_once_(at_once), capacity_(capacity) {
  for (std::size_t i = 0; i < at_once + begun_more; ++i) threads_.emplace_back([this] { work(); });
}

QueryPool::~QueryPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    for (Turn* const turn : resting_) {
      turn->goes_on_ = true;
      turn->wake_.notify_one();
    }
    resting_.clear();
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool QueryPool::submit(Job job) {
  std::lock_guard lock(mutex_);
  if (stopping_ || waiting_.size() >= capacity_) return false;
  waiting_.push_back({std::move(job), next_place_++});
  hand_out();
  return true;
}

// Gives free turns to whoever has the lowest place: those that wait, while there is a thread for
// them, and those that gave way.
void QueryPool::hand_out() {
  while (!stopping_ && working_ < at_once_) {
    bool const may_begin = waiting_.size() > to_begin_ && idle_ > to_begin_;
    bool const first =
        may_begin && (resting_.empty() || waiting_[to_begin_].place < resting_.front()->place_);
    if (first) {
      ++to_begin_;
      wake_.notify_one();
    } else if (!resting_.empty()) {
      resting_.front()->goes_on_ = true;
      resting_.front()->wake_.notify_one();
      resting_.pop_front();
    } else {
      return;
    }
    ++working_;
  }
}

Nanoseconds QueryPool::Turn::give_way() {
  auto const now = clock_.monotonic();
  if (now - since_ < slice) return {};
  std::unique_lock lock(pool_.mutex_);
  bool const others = !pool_.resting_.empty() || (!pool_.waiting_.empty() && pool_.idle_ > 0);
  if (others && !pool_.stopping_) {
    goes_on_ = false;
    place_ = pool_.next_place_ + passed_by;
    pool_.resting_.push_back(this);
    --pool_.working_;
    pool_.hand_out();
    wake_.wait(lock, [this] { return goes_on_; });
  }
  since_ = clock_.monotonic();
  return since_ - now;
}

void QueryPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    hand_out();
    wake_.wait(lock, [this] { return stopping_ || to_begin_ > 0; });
    if (stopping_) return;
    --to_begin_;
    --idle_;
    Job job = std::move(waiting_.front().job);
    waiting_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it holds goes before another may begin
    lock.lock();
    --working_;
  }
}

}  // namespace dadvisor::aggregator::api
