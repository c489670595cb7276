// How batches leave a spool that were not delivered: what is lost stands on the disk before they
// go.

#include <algorithm>

#include "agent/send/spool.hpp"
#include "agent/send/spool_record.hpp"

namespace dadvisor::agent {

std::vector<Spool::Dropped> Spool::trim(
    WallTime now, std::uint64_t room,
    std::function<std::vector<Loss>(std::span<Dropped const>)> const& losing,
    std::function<bool(std::uint64_t record)> const& keeps) {
  std::vector<Dropped> dropped;
  auto const drop = [&](std::vector<Dropped> those) {
    if (keeps) std::erase_if(those, [&](auto const& one) { return keeps(one.record); });
    if (those.empty()) return those.size();
    auto const losses = losing ? losing(those) : std::vector<Loss>();
    std::vector<std::uint64_t> records;
    for (auto const& one : those) records.push_back(one.record);
    (void)lose(losses, records);  // write_failures has it
    dropped.insert(dropped.end(), those.begin(), those.end());
    return those.size();
  };
  std::vector<Dropped> old;
  for (auto const& [record, batch] : batches_) {
    if (batch.tick >= now - options_.max_age) break;
    old.push_back({record, batch.tick, LossReason::old});
  }
  counters_.dropped_old += drop(std::move(old));

  while (exceeds(room) && segments_.size() > 1) {
    auto const oldest = segments_.begin()->first;
    std::vector<Dropped> gone;
    for (auto const& [record, batch] : batches_)
      if (batch.segment == oldest) gone.push_back({record, batch.tick, LossReason::full});
    counters_.dropped_full += drop(std::move(gone));
    // A place stands at or behind its frame, so nothing that is left needs this segment.
    collect();
    if (segments_.begin()->first == oldest) break;
  }
  return dropped;
}

Result<void> Spool::lose(std::vector<Loss> const& losses, std::span<std::uint64_t const> records) {
  spool_record::Gone gone{next_record_, losses, {}};
  std::set<std::uint64_t> homes;
  for (auto const record : records) {
    auto const at = batches_.find(record);
    if (at == batches_.end()) continue;
    homes.insert(at->second.segment);
    if (!gone.records.empty() && gone.records.back().last + 1 == record)
      gone.records.back().last = record;
    else
      gone.records.push_back({record, record});
  }
  if (losses.empty() && gone.records.empty()) return {};
  auto written = write_gone(gone, homes);
  for (auto const record : records) forget(record);
  collect();
  // On a full disk, what went made room for the word of it.
  if (!written) written = write_gone(gone, homes);
  return written;
}

Result<void> Spool::write_gone(spool_record::Gone const& gone,
                               std::set<std::uint64_t> const& homes) {
  if (auto const offset = write(spool_record::payload_of(gone)); !offset) return offset.error();
  auto& segment = segments_[current_id_];
  for (auto const home : homes)
    if (home != current_id_ && segments_.contains(home)) segment.vouches_for.insert(home);
  if (gone.losses.empty()) return {};
  segment.told_by = std::max(segment.told_by, gone.told_by);
  unsynced_loss_ = true;
  return {};
}

Result<void> Spool::settle_damages(std::vector<Loss> const& told) {
  spool_record::Gone gone{next_record_, told, {}};
  gone.losses.insert(gone.losses.end(), untold_again_.begin(), untold_again_.end());
  std::set<std::uint64_t> homes;
  for (auto const& damage : damages_) {
    gone.records.insert(gone.records.end(), damage.records.begin(), damage.records.end());
    homes.insert(damage.segments.begin(), damage.segments.end());
  }
  auto const written = write_gone(gone, homes);
  damages_untold_ = false;
  collect();
  return written;
}

}  // namespace dadvisor::agent
