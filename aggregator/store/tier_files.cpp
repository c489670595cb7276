#include "aggregator/store/tier_files.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace dadvisor::aggregator::store {
Result<void> TierFiles::load() {
  if (auto made = disk_.make_directory(directory_); !made) return made.error();
  auto names = disk_.list(directory_);
  if (!names) return names.error();
  // A run that was killed may have renamed one and no more.
  if (auto synced = disk_.sync_directory(directory_); !synced) return synced.error();
  for (std::string const& name : *names) {
    if (!is_spill_name(name)) continue;
    next_number_ = std::max(next_number_, spill_number(name) + 1);
    auto file = SpillFile::open(disk_, directory_ + "/" + name, chunks_);
    if (file && (*file)->info().store_id == store_id_) {
      files_.push_back(std::move(*file));
      continue;
    }
    ++damaged_;
    if (file)
      log_.error("{}/{} is of another store and is left out", directory_, name);
    else
      log_.error("{}; it is left out", to_string(file.error()));
  }
  std::ranges::sort(files_, {}, [](File const& file) { return file->info().number; });
  for (File const& file : files_)
    if (whole(file)) sealed_until_ = std::max<TickNs>(sealed_until_, file->info().boundary + 1);
  remove_superseded();
  return {};
}

SpillInfo TierFiles::next_info(TickNs period, bool whole, WallTime now) {
  SpillInfo info;
  info.store_id = store_id_;
  info.number = next_number_++;  // taken, whatever comes
  info.log_number = whole ? 1 : 0;
  info.boundary = period + plan_.period.count() - 1;
  info.created = tick_ns(now);
  return info;
}

Result<void> TierFiles::finish(SpillWriter& writer) {
  auto name = writer.finish();
  if (!name) return name.error();
  auto file = SpillFile::open(disk_, directory_ + "/" + *name, chunks_);
  if (!file) return file.error();
  {
    std::lock_guard const lock(mutex_);
    files_.push_back(*file);
  }
  if (whole(*file)) sealed_until_ = std::max<TickNs>(sealed_until_, (*file)->info().boundary + 1);
  return {};
}

Result<void> TierFiles::write_file(TickNs period, bool whole, WallTime now, Fill const& fill) {
  SpillWriter writer(disk_, directory_, next_info(period, whole, now), compress_);
  Result<void> result = writer.begin();
  if (result) result = fill(writer);
  if (result) result = finish(writer);
  if (!result) writer.abandon();
  return result;
}

Result<void> TierFiles::write(TickNs period, bool whole, WallTime now, NextTierRows const& next) {
  return write_file(period, whole, now, [&](SpillWriter& writer) -> Result<void> {
    TierRows rows;
    for (;;) {
      auto const more = next(rows);
      if (!more) return more.error();
      if (!*more) return {};
      if (rows.rows.empty()) continue;
      if (auto added = writer.add(rows.entity, rows.rows); !added) return added;
    }
  });
}

Result<bool> TierFiles::merge_one(WallTime now, std::function<bool()> const& stopping,
                                  std::size_t patches, Deleted const& deleted) {
  std::map<TickNs, std::vector<File>> periods;
  for (File const& file : files_) periods[period_of(file)].push_back(file);
  for (auto const& [period, files] : periods) {
    bool const smaller = deleted.in && std::ranges::any_of(files, [&](File const& file) {
                           return deleted.in(*file);
                         });
    if (files.size() <= patches + 1 && !smaller) continue;
    std::set<EntityId> ids;
    for (File const& file : files) {
      std::uint64_t damaged = 0;
      auto const named = file->entities(damaged);
      if (!named) return named.error();
      if (damaged > 0) return Error{Errc::malformed, 0, file->path() + ": its index is damaged"};
      ids.insert(named->begin(), named->end());
    }
    ColumnTable table;
    auto cursors = ascending_cursors(files.size());
    auto const written = write_file(period, true, now, [&](SpillWriter& writer) -> Result<void> {
      for (EntityId const id : ids) {
        if (stopping()) return Error{Errc::gone, 0, "stopping"};
        table.clear();
        std::uint64_t damaged = 0;
        for (std::size_t i = 0; i < files.size(); ++i) {
          auto const read = files[i]->append(id, table, damaged, cursors[i]);
          if (!read) return read;
          if (damaged > 0)
            return Error{Errc::malformed, 0, files[i]->path() + ": a chunk is damaged"};
        }
        table.settle(OfOneTick::newest);
        if (deleted.drop) deleted.drop(id, table);
        if (table.ticks.empty()) continue;
        if (auto added = writer.add(id, table); !added) return added;
      }
      return {};
    });
    if (!written) return written.error();
    forget(files);
    return true;
  }
  return false;
}

void TierFiles::forget(std::vector<File> const& files) {
  {
    std::lock_guard const lock(mutex_);
    std::erase_if(files_,
                  [&](File const& file) { return std::ranges::find(files, file) != files.end(); });
  }
  for (File const& file : files)
    if (auto removed = disk_.remove(file->path()); !removed)
      log_.warning("{}", to_string(removed.error()));
}

// A kill may come between a period's merged file and the removal of those that it was made of.
void TierFiles::remove_superseded() {
  std::map<TickNs, std::uint64_t> newest;
  for (File const& file : files_)
    if (whole(file)) newest[period_of(file)] = file->info().number;
  std::vector<File> old;
  for (File const& file : files_) {
    auto const found = newest.find(period_of(file));
    if (found != newest.end() && file->info().number < found->second) old.push_back(file);
  }
  if (!old.empty()) forget(old);
}

void TierFiles::drop_before(TickNs cutoff) {
  std::vector<File> old;
  // The newest whole file says how far the tier is sealed.
  for (File const& file : files_)
    if (file->info().boundary < cutoff && file->info().boundary + 1 < sealed_until_)
      old.push_back(file);
  if (!old.empty()) forget(old);
}

Result<void> TierFiles::select(EntityId entity, TickNs from, TickNs until, ColumnScan& scan) const {
  scan.begin();
  {
    std::lock_guard const lock(mutex_);
    scan.reads().use(files_, from, until);
  }
  Result<void> result;
  scan.reads().select(entity, scan.selection_, from, until, scan.rows_, [&](Error const& error) {
    if (damaged_++ == 0) log_.error("{}", to_string(error));
    result = error;
  });
  scan.rows_.settle(OfOneTick::newest);
  return result;
}

std::vector<std::string> TierFiles::paths() const {
  std::lock_guard const lock(mutex_);
  std::vector<std::string> all;
  for (File const& file : files_) all.push_back(file->path());
  return all;
}

std::uint64_t TierFiles::bytes() const {
  std::lock_guard const lock(mutex_);
  std::uint64_t sum = 0;
  for (File const& file : files_) sum += file->bytes();
  return sum;
}

std::size_t TierFiles::files() const {
  std::lock_guard const lock(mutex_);
  return files_.size();
}

}  // namespace dadvisor::aggregator::store
