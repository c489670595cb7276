#pragma once
// Chunks of files that queries have read, checked and decompressed, for the next ones: dashboards
// ask for the same again each few seconds. Files never change, so what is kept is never stale.
// Bounded, of all files together; what was not asked for lately goes first. Any thread.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "aggregator/store/encoded_column.hpp"
#include "aggregator/store/read_buffer.hpp"

namespace dadvisor::aggregator::store {

// A chunk and what it says of each block.
struct ReadChunk {
  ReadBuffer memory;  // none of a group that was read as a whole
  std::vector<EncodedColumn> columns;

  std::size_t bytes() const {
    return sizeof *this + memory.room() + columns.capacity() * sizeof columns[0];
  }
};

class KnownChunks {
 public:
  using Chunk = std::shared_ptr<ReadChunk const>;

  explicit KnownChunks(std::size_t most_bytes = 4 << 20) : most_bytes_(most_bytes) {}

  // A number for a file, which none had before.
  std::uint64_t new_file() {
    std::lock_guard const lock(mutex_);
    return ++last_file_;
  }
  // Of the chunk at this offset of a file; null: it is not known.
  Chunk find(std::uint64_t file, std::uint64_t offset) {
    std::lock_guard const lock(mutex_);
    Place const place{file, offset};
    if (auto const known = lately_.find(place); known != lately_.end()) return known->second;
    auto const known = before_.find(place);
    if (known == before_.end()) return nullptr;
    auto const chunk = known->second;
    put(place, chunk);
    return chunk;
  }
  void keep(std::uint64_t file, std::uint64_t offset, Chunk chunk) {
    std::lock_guard const lock(mutex_);
    put({file, offset}, std::move(chunk));
  }

 private:
  using Place = std::pair<std::uint64_t, std::uint64_t>;

  // In two halves: when one is full the other, which was not asked for since, is forgotten.
  void put(Place const& place, Chunk chunk) {
    auto const size = chunk->bytes();
    if (size > most_bytes_ / 8) return;  // it would push out too many others
    if (lately_bytes_ + size > most_bytes_ / 2) {
      before_ = std::exchange(lately_, {});
      lately_bytes_ = 0;
    }
    if (lately_.emplace(place, std::move(chunk)).second) lately_bytes_ += size;
  }

  std::size_t const most_bytes_;
  std::mutex mutex_;
  std::uint64_t last_file_ = 0;
  std::map<Place, Chunk> lately_, before_;
  std::size_t lately_bytes_ = 0;
};

}  // namespace dadvisor::aggregator::store
