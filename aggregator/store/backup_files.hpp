#pragma once
// A backup as files: hard links and copies into a directory, the manifest that makes it whole, and
// the way back. Layout: FORMAT.md. Its own way to the disk, for a backup lies outside the store.
// One thread a directory.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "aggregator/store/store.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::store {

struct BackupFile {
  std::string path;  // below the directory
  std::uint64_t bytes = 0;
};

class BackupWriter {
 public:
  // What `stopping` is true for ends early, with Errc::gone.
  explicit BackupWriter(std::string directory, std::function<bool()> stopping = {})
      : directory_(std::move(directory)), stopping_(std::move(stopping)) {}
  // Makes the directory and those below it. Errors: conflict (it is there), io.
  Result<void> begin(std::vector<std::string> const& below);
  // Links `source`, which is never written again, to `path` below the directory; on another file
  // system it is copied and synced. Errors: not_found (it has gone), unavailable (disk full), io.
  Result<void> add(std::string const& source, std::string const& path);
  // Takes in a file that somebody else made below the directory, and syncs it.
  Result<void> add_made(std::string const& path);
  bool has(std::string const& path) const;
  // Syncs all, then writes the manifest: only now it is a backup.
  Result<BackupMade> finish(WallTime time, std::uint64_t store_id);
  // Removes what was begun.
  void abandon();

 private:
  std::string const directory_;
  std::function<bool()> const stopping_;
  std::vector<std::string> below_;
  std::vector<BackupFile> files_;
  std::uint64_t linked_ = 0;
  bool begun_ = false;
};

// Copies a backup to DATA_DIRECTORY/store, which must not be there; files that the manifest does
// not name are left out. It is there whole or not at all. Errors: malformed (no manifest, or a file
// is lacking or has another size), conflict (there is a store), unavailable (disk full), io.
Result<BackupMade> restore_backup(std::string const& backup, std::string const& data_directory);

}  // namespace dadvisor::aggregator::store
