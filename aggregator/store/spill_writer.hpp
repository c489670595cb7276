#pragma once
// Writes a spill, a segment or a tier's file. Layout: FORMAT.md.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "aggregator/store/disk.hpp"
#include "aggregator/store/row_group.hpp"
#include "aggregator/store/spill_layout.hpp"

namespace dadvisor::aggregator::store {

// Writes a spill beside its place; entities must come by id ascending. Not thread-safe.
class SpillWriter {
 public:
  // `compress`: with zstd, for files that are seldom read.
  SpillWriter(Disk& disk, std::string directory, SpillInfo info, bool compress = false);
  Result<void> begin();
  // Rows by tick ascending, not none; those of one entity at once.
  Result<void> add(EntityId entity, Rows const& rows);
  Result<void> add(EntityId entity, ColumnTable const& rows);
  // Footer, sync, rename, sync of the directory: then the spill is durable. Returns its name.
  Result<std::string> finish();
  // Removes what was begun.
  void abandon();

 private:
  template <typename Table>
  Result<void> add_blocks(EntityId entity, std::span<TickNs const> ticks, Table const& table);
  void end_group();
  Result<void> flush(std::size_t least);
  std::string index() const;
  std::string path() const;  // while it is written

  Disk& disk_;
  std::string const directory_;
  SpillInfo info_;
  std::unique_ptr<WritableFile> file_;
  std::string buffer_;
  std::uint64_t offset_ = 0;                     // of the buffer's begin
  std::unique_ptr<ChunkCompressor> compressor_;  // null: chunks stay as they are
  RowGroupWriter group_;
  SpillEntry entry_;  // of the group
  std::vector<SpillEntry> entries_;
};

}  // namespace dadvisor::aggregator::store
