#pragma once
// What the deltas of a log file are decoded with, for whoever reads one from its beginning. Not
// thread-safe.

#include <algorithm>
#include <map>
#include <vector>

#include "aggregator/store/log_writer.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

// The last batches of each lane of one file, as bases of its deltas.
class FrameBases {
 public:
  Batch const* find(StreamLane const& lane, std::uint64_t sequence) {
    auto& batches = lanes_[lane];
    auto const found = std::find_if(batches.begin(), batches.end(),
                                    [&](Batch const& batch) { return batch.sequence == sequence; });
    if (found == batches.end()) return nullptr;
    // An agent's base is a batch that was acknowledged: it never goes back behind it.
    batches.erase(batches.begin(), found);
    return &batches.front();
  }
  Batch const& keep(StreamLane const& lane, Batch batch) {
    auto& batches = lanes_[lane];
    if (batches.size() >= remembered_bases) batches.erase(batches.begin());
    return batches.emplace_back(std::move(batch));
  }

 private:
  std::map<StreamLane, std::vector<Batch>> lanes_;
};

}  // namespace dadvisor::aggregator::store
