#pragma once
// The files of one tier. Those of one period are read as one: what a later file says of a tick of
// an entity counts. A period is sealed by its whole file; patches behind it hold the entities that
// were made again, and when there are many of them all become one file.
//
// Threads: select() and the figures from any; the rest from one at a time.

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aggregator/store/column_scan.hpp"
#include "aggregator/store/disk.hpp"
#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/spill_writer.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::store {

class TierFiles {
 public:
  // `compress`: what is written. `chunks`: see SpillFile::open().
  TierFiles(Disk& disk, std::string directory, TierPlan plan, bool compress, std::uint64_t store_id,
            Log log, std::shared_ptr<KnownChunks> chunks)
      : disk_(disk),
        directory_(std::move(directory)),
        plan_(plan),
        compress_(compress),
        store_id_(store_id),
        log_(std::move(log)),
        chunks_(std::move(chunks)) {}

  // Makes the directory and opens what is in it; what is damaged is left out and counted.
  Result<void> load();
  // Writes what next() gives as the period's whole file or as a patch. Returns once it is durable.
  // Errors: those of next(), io, unavailable (the disk is full); then nothing has changed.
  Result<void> write(TickNs period, bool whole, WallTime now, NextTierRows const& next);
  // Whether a file may hold deleted rows, and what takes those of an entity out.
  struct Deleted {
    std::function<bool(SpillFile const&)> in;
    std::function<void(EntityId, ColumnTable&)> drop;
  };
  // Makes one file of a period's that has more than `patches` or deleted rows, without these; true:
  // it did. `stopping` ends it early.
  Result<bool> merge_one(WallTime now, std::function<bool()> const& stopping, std::size_t patches,
                         Deleted const& deleted = {});
  // Removes files whose rows all are before `cutoff`.
  void drop_before(TickNs cutoff);

  // Periods up to here are sealed; the least TickNs when none is.
  TickNs sealed_until() const { return sealed_until_; }
  // The entity's rows in [from, until]; after an error those of sound blocks.
  Result<void> select(EntityId entity, TickNs from, TickNs until, ColumnScan& scan) const;
  std::string const& directory() const { return directory_; }
  std::vector<std::string> paths() const;  // of the files
  std::uint64_t bytes() const;
  std::size_t files() const;
  std::uint64_t damaged() const { return damaged_; }

 private:
  using File = std::shared_ptr<SpillFile const>;
  static bool whole(File const& file) { return file->info().log_number != 0; }
  TickNs period_of(File const& file) const {
    return file->info().boundary + 1 - plan_.period.count();
  }
  using Fill = std::function<Result<void>(SpillWriter&)>;
  Result<void> write_file(TickNs period, bool whole, WallTime now, Fill const& fill);
  SpillInfo next_info(TickNs period, bool whole, WallTime now);
  Result<void> finish(SpillWriter& writer);
  void forget(std::vector<File> const& files);
  void remove_superseded();

  Disk& disk_;
  std::string const directory_;
  TierPlan const plan_;
  bool const compress_;
  std::uint64_t const store_id_;
  Log log_;
  std::shared_ptr<KnownChunks> const chunks_;
  std::atomic<TickNs> sealed_until_{std::numeric_limits<TickNs>::min()};
  std::uint64_t next_number_ = 1;
  mutable std::atomic<std::uint64_t> damaged_{0};
  mutable std::mutex mutex_;
  std::vector<File> files_;  // by number
};

}  // namespace dadvisor::aggregator::store
