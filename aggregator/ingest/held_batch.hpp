#pragma once
// A batch that later frames may be deltas of. The store has it too until it is worked in; then it
// is its holder's alone again, and the next batch may be made of it, where its cells lie.
//
// One thread holds it; whoever it was lent to may drop it on any.

#include <atomic>
#include <memory>
#include <utility>

#include "common/core/row.hpp"

namespace dadvisor::aggregator::ingest {

class HeldBatch {
 public:
  explicit HeldBatch(Batch batch) : batch_(std::move(batch)) {}

  // To be called once at most; until the last copy of what it gives has gone, the batch must not be
  // changed.
  static std::shared_ptr<Batch const> lend(std::shared_ptr<HeldBatch> const& held) {
    held->lent_.store(true, std::memory_order_relaxed);
    return {&held->batch_,
            [held](Batch const*) { held->lent_.store(false, std::memory_order_release); }};
  }
  bool lent() const { return lent_.load(std::memory_order_acquire); }
  Batch& batch() { return batch_; }

 private:
  Batch batch_;
  std::atomic<bool> lent_{false};
};

}  // namespace dadvisor::aggregator::ingest
