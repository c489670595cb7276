#pragma once
// Directories of a file's groups that queries have read, for the next ones. Bounded: beyond 1 MiB,
// which is those of some ten thousand entities, all are forgotten. Any thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "aggregator/store/row_group.hpp"

namespace dadvisor::aggregator::store {

class KnownGroups {
 public:
  // Of the group at this offset; null: it is not known.
  std::shared_ptr<RowGroup const> find(std::uint64_t offset) const {
    std::lock_guard const lock(mutex_);
    auto const known = groups_.find(offset);
    return known == groups_.end() ? nullptr : known->second;
  }
  void keep(std::uint64_t offset, std::shared_ptr<RowGroup const> group) {
    std::lock_guard const lock(mutex_);
    if (bytes_ > most_bytes) {
      groups_.clear();
      bytes_ = 0;
    }
    bytes_ += group->bytes() + own_bytes;
    groups_.insert_or_assign(offset, std::move(group));
  }

 private:
  static constexpr std::size_t most_bytes = 1 << 20;
  static constexpr std::size_t own_bytes = 64;  // of the table and of what counts the pointers

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<RowGroup const>> groups_;  // by offset
  std::size_t bytes_ = 0;
};

}  // namespace dadvisor::aggregator::store
