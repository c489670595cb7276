#pragma once
// Reads spills: immutable files of rows that left the head, ordered by entity. Layout: FORMAT.md.
//
// Of an open spill the first entity of each index page is in memory, and the directories of groups
// that queries have asked for; of all of them together some chunks. A lookup reads what is not known
// yet of one index page, the directory of the entity's group and the chunks of the columns that are
// asked for. Each of them has its CRC, so damage costs what it hits.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/disk.hpp"
#include "aggregator/store/known_chunks.hpp"
#include "aggregator/store/known_groups.hpp"
#include "aggregator/store/spill_cursor.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::store {

// Reads a spill. Const methods from any thread.
class SpillFile {
 public:
  // `chunks`: where those that were read are kept; null: nowhere. Errors: malformed (footer or
  // directory damaged), io.
  static Result<std::shared_ptr<SpillFile const>> open(Disk& disk, std::string const& path,
                                                       std::shared_ptr<KnownChunks> chunks = {});

  SpillInfo const& info() const { return info_; }
  std::string const& path() const { return path_; }
  std::uint64_t bytes() const { return file_->size(); }
  bool overlaps(TickNs from, TickNs until) const {
    return info_.first <= until && info_.last >= from;
  }
  // Appends the entity's rows in [from, until]; nothing when it has none. Errors: malformed, io;
  // rows of blocks that are sound are appended nevertheless. `cursor`: of this file, to be kept.
  Result<void> select(EntityId entity, Selection const& selection, TickNs from, TickNs until,
                      SelectedRows& out, SpillCursor& cursor) const;
  // All entities that have rows, ascending; index pages and directories that are damaged are left
  // out and raise `damaged`. Errors: io.
  Result<std::vector<EntityId>> entities(std::uint64_t& damaged) const;
  // Appends all rows of one to the table, without the chunks that are damaged, each of which raises
  // `damaged` once a cursor; of pages and directories entities() tells. Errors: io, and malformed
  // (a chunk with the right CRC); the table is to be cleared then.
  Result<void> append(EntityId entity, ColumnTable& table, std::uint64_t& damaged,
                      SpillCursor& cursor) const;
  // Reads all of it. visit: each block whose rows are known, in their order; with `decode` the
  // chunks are read too, and the values counted that are sound. damage: whatever is not as it was
  // written, and the group it is in where that is known.
  struct Block {
    EntityId entity = 0;
    TickNs first = 0, last = 0;
    std::uint64_t rows = 0;
    std::uint64_t values = 0;
  };
  void check(bool decode, std::function<void(Block const&)> const& visit,
             std::function<void(std::optional<SpillEntry> const&, std::string const&)> const&
                 damage) const;

 private:
  using Group = SpillCursor::Group;
  // The page's entries; errors: malformed, io.
  Result<std::vector<SpillEntry>> page(std::uint64_t number) const;
  // Calls visit(entry, near) for each group that the entity may be in, in order, with the entities
  // that are in no other; after an error with a page it goes on.
  template <typename Visit>
  Result<void> visit_groups(EntityId entity, SpillCursor& cursor, Visit const& visit) const;
  // The group of an entry; `whole`: with all of its chunks. Errors are in it. `known`: where its
  // directory may be, and is kept; null: it is read.
  Group& group(SpillEntry const& entry, bool whole, SpillCursor& cursor,
               KnownGroups* known = nullptr) const;
  Result<std::shared_ptr<RowGroup const>> directory(SpillEntry const& entry,
                                                    SpillCursor& cursor) const;
  // The chunk of a group at this place, from the file.
  Result<KnownChunks::Chunk> read_chunk(Group& group, RowGroup::Chunk const& place,
                                        SpillCursor& cursor) const;
  // What the group has of a column; null: nothing. Errors are in it.
  SpillCursor::Chunk const* chunk(Group& group, MetricId id, SpillCursor& cursor) const;
  Result<void> select_blocks(Group& group, EntityId entity, Selection const& selection, TickNs from,
                             TickNs until, SelectedRows& out, SpillCursor& cursor) const;
  void check_group(SpillEntry const& entry, bool decode,
                   std::function<void(Block const&)> const& visit,
                   std::function<void(std::string const&)> const& damage) const;
  SpillFile(std::string path, std::unique_ptr<ReadableFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}
  Result<void> read_footer();
  // Bytes with their CRC behind them, in `buffer`, and without it.
  Result<std::string_view> checked(std::uint64_t offset, std::size_t length,
                                   ReadBuffer& buffer) const;

  std::string path_;
  std::unique_ptr<ReadableFile> file_;
  SpillInfo info_;
  std::uint64_t index_offset_ = 0, entry_count_ = 0;
  std::vector<EntityId> pages_;  // the first entity of each index page
  mutable KnownGroups known_;
  std::shared_ptr<KnownChunks> chunks_;
  std::uint64_t file_number_ = 0;  // in chunks_
};

}  // namespace dadvisor::aggregator::store
