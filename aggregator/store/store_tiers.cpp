// The store's side of coarser tiers: their files, and what of them is dirty.

#include <algorithm>

#include "aggregator/store/store_state.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t most_patches = 8;  // of a period; one more and they become one file

}  // namespace

Result<void> Store::State::load_tiers() {
  for (Tier const tier : all_tiers) {
    auto const at = static_cast<std::size_t>(tier);
    tiers_[at] =
        std::make_unique<TierFiles>(disk_, path("tier/" + std::string(name_of(tier))), plan(tier),
                                    options_.compress_tiers, catalogue_.store_id(), log_, chunks_);
    if (auto loaded = tiers_[at]->load(); !loaded) return loaded.error();
    head_.mark_before(tier, tiers_[at]->sealed_until());
  }
  if (auto synced = disk_.sync_directory(path("tier")); !synced) return synced.error();
  for (auto const& [tier, range] : dirty_then_)
    head_.mark_dirty(tier, range.entity, tick_ns(range.from), tick_ns(range.until));
  dirty_then_.clear();
  raw_from_ = raw_cutoff();
  return {};
}

Result<void> Store::State::scan_tier(Tier tier, EntityId entity, WallTime from, WallTime until,
                                     ColumnScan& scan) const {
  auto const deleted = tombstones();
  auto const read = tier_files(tier).select(entity, tick_ns(from), tick_ns(until), scan);
  if (!read && scan.rows().ticks.empty())
    return Error{Errc::io, read.error().os_error, read.error().context};
  Nanoseconds const window = plan(tier).window;
  bool const touched = deleted->touches(entity, tick_ns(from),
                                        tick_ns(until + std::min(window, WallTime::max() - until)));
  if (touched) deleted->drop(entity, window, scan.selection_, scan.rows_);
  return {};
}

void Store::State::begin_seal(Tier tier, WallTime until) {
  std::lock_guard const lock(head_mutex_);
  head_.mark_before(tier, tick_ns(until));
}

Result<void> Store::State::write_tier(Tier tier, WallTime period, bool whole,
                                      NextTierRows const& next) {
  // A file never names an entity that the catalogue lacks.
  std::vector<EntityId> unkept;
  return tier_files(tier).write(tick_ns(period), whole, clock_.wall(),
                                [&](TierRows& out) -> Result<bool> {
                                  auto more = next(out);
                                  if (!more) return more;
                                  if (*more && out.entity >= kept_until_)
                                    unkept.push_back(out.entity);
                                  if (!*more && !unkept.empty())
                                    if (auto kept = keep_entities(unkept); !kept)
                                      return kept.error();
                                  return more;
                                });
}

Result<std::vector<EntityInfo>> Store::State::extend(std::span<EntityInfo const> with) {
  std::vector<EntityInfo> known;
  std::vector<EntityId> ids;
  for (EntityInfo const& each : with) {
    std::lock_guard const lock(head_mutex_);
    known.push_back(head_.extend(each));
    ids.push_back(known.back().id);
  }
  if (auto saved = keep_entities(ids); !saved) return saved.error();
  return known;
}

void Store::State::mark_dirty(Tier tier, DirtyRange const& range) {
  std::lock_guard const lock(head_mutex_);
  head_.mark_dirty(tier, range.entity, tick_ns(range.from), tick_ns(range.until));
}

std::vector<DirtyRange> Store::State::begin_dirty(Tier tier, WallTime until) {
  std::vector<DirtyRange> ranges;
  {
    std::lock_guard const lock(head_mutex_);
    ranges =
        head_.dirty(tier).begin_newest(std::min(tier_files(tier).sealed_until(), tick_ns(until)));
  }
  if (tier != Tier::ten_minutes)
    late_beyond_raw_ +=
        std::erase_if(ranges, [&](DirtyRange const& range) { return range.from < raw_from(); });
  return ranges;
}

void Store::State::end_dirty(Tier tier, bool clean) {
  std::lock_guard const lock(head_mutex_);
  head_.dirty(tier).end(clean);
}

TierFiles::Deleted Store::State::dropped(Tier tier,
                                         std::shared_ptr<Tombstones const> const& deleted) const {
  return {[this, deleted](SpillFile const& file) { return holds_deleted(file, *deleted); },
          [deleted, window = plan(tier).window](EntityId entity, ColumnTable& table) {
            deleted->drop(entity, window, table);
          }};
}

Result<void> Store::State::tidy_tier(Tier tier, std::function<bool()> const& stopping) {
  TickNs cutoff = tick_ns(clock_.wall() - plan(tier).retention);
  // A coarser tier is made of this one.
  if (tier == Tier::minute) {
    std::lock_guard const lock(head_mutex_);
    cutoff = std::min({cutoff, tier_files(Tier::ten_minutes).sealed_until(),
                       head_.dirty(Tier::ten_minutes).first()});
  }
  tier_files(tier).drop_before(cutoff);
  auto const deleted = tombstones();
  // Not older than what was dropped, however the clock is set.
  WallTime const now = std::max(clock_.wall(), from_tick_ns(deleted->newest()));
  auto const merged =
      tier_files(tier).merge_one(now, stopping, most_patches, dropped(tier, deleted));
  if (!merged) return merged.error();
  return {};
}

}  // namespace dadvisor::aggregator::store
