#pragma once
// What somebody who asks a spill for entity after entity has read of it: pages of its index, and
// groups with those of their chunks that were asked for. Bounded: beyond that all is read anew.
// For one file and one thread.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "aggregator/store/known_chunks.hpp"
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
    KnownChunks::Chunk read;  // null: there is an error
    std::optional<Error> error;

    EncodedColumn const& column(std::size_t block) const { return read->columns[block]; }
  };
  struct Group {
    SpillEntry entry;
    std::string bytes;  // all of it, where many columns are asked for
    std::shared_ptr<RowGroup const> rows;
    std::optional<Error> error;
    std::map<MetricId, Chunk> chunks;  // those that were read
  };

  // Entities between these two have all that the file has of them in the group, or nothing.
  struct Near {
    Group* group = nullptr;
    EntityId after = 0, before = 0;
  };
  // Whoever asks for thousands comes back to a group for each of its entities, in any order: so
  // many neighbours share a place of near_.
  static constexpr std::size_t neighbours = 4, near_places = 256;

  Group* near(EntityId entity) const {
    if (near_.empty()) return nullptr;
    Near const& its = near_[entity / neighbours % near_places];
    return its.after < entity && entity < its.before ? its.group : nullptr;
  }
  // For the entity and some behind it: a group of entities that are far apart has hundreds of
  // places.
  void set_near(EntityId entity, Near const& near) {
    if (near_.empty()) near_.resize(near_places);
    constexpr std::size_t most = 8;
    std::size_t const first = entity / neighbours, last = near.before / neighbours;
    for (std::size_t i = first; i <= last && i < first + most; ++i) near_[i % near_places] = near;
  }
  void forget_groups() {
    groups_.clear();
    near_.clear();
    bytes_ = 0;
  }

  std::size_t const most_bytes_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint64_t, std::vector<SpillEntry>> pages_;  // by number
  std::unordered_map<std::uint64_t, Group> groups_;                   // by offset
  std::vector<Near> near_;
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
