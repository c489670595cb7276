#pragma once
// What somebody who asks a spill for entity after entity has read of it: pages of its index, and
// groups with those of their chunks that were asked for. Bounded: beyond that all is read anew.
// For one file and one thread.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "aggregator/store/read_buffer.hpp"
#include "aggregator/store/row_group.hpp"
#include "aggregator/store/spill_layout.hpp"

namespace dadvisor::aggregator::store {

class SpillCursor {
 public:
  // `most_bytes`: of chunks that are kept.
  explicit SpillCursor(std::size_t most_bytes = 8 << 20) : most_bytes_(most_bytes) {}

 private:
  friend class SpillFile;

  struct Chunk {
    ReadBuffer own;                      // unless it stands in the group's bytes
    std::vector<EncodedColumn> columns;  // by block
    std::optional<Error> error;
  };
  struct Group {
    std::string bytes;  // all of it, where many columns are asked for
    std::optional<RowGroup> rows;
    std::optional<Error> error;
    std::map<MetricId, Chunk> chunks;  // those that were read
  };

  std::size_t const most_bytes_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint64_t, std::vector<SpillEntry>> pages_;  // by number
  std::unordered_map<std::uint64_t, Group> groups_;                   // by offset
  Group* near_ = nullptr;  // of groups_, the last one that was asked for
  SpillEntry near_entry_;  // of it
  ReadBuffer buffer_;
  ChunkDecompressor decompressor_;
};

// For files that are read from their first entity to their last: each keeps the group it is in.
inline std::vector<SpillCursor> ascending_cursors(std::size_t files) {
  std::vector<SpillCursor> cursors;
  cursors.reserve(files);
  for (std::size_t i = 0; i < files; ++i) cursors.emplace_back(0);
  return cursors;
}

}  // namespace dadvisor::aggregator::store
