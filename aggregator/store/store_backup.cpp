// A copy of the store while it runs.
//
// 1. The gate: no spill begins, so no log file goes, and no spill or segment either.
// 2. The log ends its file: all that was acknowledged is in files that are never written again.
// 3. Log files, spills and tier files are linked. A tier's may be merged meanwhile: then its list
// is
//    taken again; what is linked of both is no harm, for a merged file says the same.
// 4. The catalogue is copied last: it knows every entity that any of the files names.
// 5. All is synced, then the manifest is written.
// So a restore is like a start after a kill at that moment, with nothing acknowledged before lost.

#include <filesystem>

#include "aggregator/store/backup_files.hpp"
#include "aggregator/store/log_record.hpp"
#include "aggregator/store/store_state.hpp"

namespace dadvisor::aggregator::store {

Result<BackupMade> Store::State::backup(std::string const& directory) {
  std::lock_guard const gate(spill_gate_);
  if (job_stopping_) return Error{Errc::gone, 0, "stopping"};
  BackupWriter writer(directory, [this] { return job_stopping_.load(); });
  WallTime const now = clock_.wall();
  auto made = [&]() -> Result<BackupMade> {
    std::vector<std::string> below{"log", "spill", "tier"};
    for (Tier const tier : all_tiers)
      below.push_back("tier/" +
                      std::filesystem::path(tier_files(tier).directory()).filename().string());
    if (auto begun = writer.begin(below); !begun) return begun.error();
    auto rotation = [&] {
      std::lock_guard const order(order_);
      return log_writer_->rotate();
    }();
    auto const first_later = rotation.get().next_number;
    auto const names = disk_.list(path("log"));
    if (!names) return names.error();
    for (std::string const& name : *names) {
      auto const number = log_file_number(name);
      if (!number || *number >= first_later) continue;
      if (auto added = writer.add(path("log/" + name), "log/" + name); !added) return added.error();
    }
    auto const spills = [&] {
      std::lock_guard const lock(head_mutex_);
      return spills_;
    }();
    for (auto const& spill : spills) {
      auto const name = "spill/" + std::filesystem::path(spill->path()).filename().string();
      if (auto added = writer.add(spill->path(), name); !added) return added.error();
    }
    if (auto added = link_tiers(writer); !added) return added.error();
    {
      std::unique_lock catalogue(catalogue_mutex_);
      // It may be large: whoever has something to ask is let in between two pieces.
      auto const stopping = [&] {
        catalogue.unlock();
        let_reads_in();
        catalogue.lock();
        return job_stopping_.load();
      };
      if (auto copied = catalogue_.copy_to(directory + "/catalogue.db", stopping); !copied)
        return copied.error();
    }
    if (auto added = writer.add_made("catalogue.db"); !added) return added.error();
    return writer.finish(now, catalogue_.store_id());
  }();
  if (!made) writer.abandon();
  return made;
}

Result<void> Store::State::link_tiers(BackupWriter& writer) const {
  for (Tier const tier : all_tiers) {
    TierFiles const& files = tier_files(tier);
    auto const folder =
        "tier/" + std::filesystem::path(files.directory()).filename().string() + "/";
    for (bool again = true; again;) {
      again = false;
      for (std::string const& source : files.paths()) {
        auto const name = folder + std::filesystem::path(source).filename().string();
        if (writer.has(name)) continue;
        auto const added = writer.add(source, name);
        if (!added && added.error().code != Errc::not_found) return added;
        again = again || !added;
      }
    }
  }
  return {};
}

}  // namespace dadvisor::aggregator::store
