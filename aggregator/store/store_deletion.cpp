// How rows are deleted.
//
// A tombstone goes to the catalogue first, in one transaction with what is known of its entity:
// so that after a crash the number means the same. Then readers get it. Bytes go later: spills and
// merges leave deleted rows out, and segments and tier files that hold some are written again, one
// at a time, by the threads that write them anyhow.

#include <algorithm>

#include "aggregator/store/store_state.hpp"

namespace dadvisor::aggregator::store {

std::shared_ptr<Tombstones const> Store::State::tombstones() const {
  std::lock_guard const lock(head_mutex_);
  return tombstones_;
}

// What is wholly deleted is not listed, whatever the log brings back of it. Under head_mutex_.
void Store::State::hide(Tombstones const& tombstones, std::span<EntityId const> ids) {
  for (CatalogueEntity const& entity : head_.known(ids)) {
    EntityInfo const& info = entity.info;
    head_.hide(info.id, tombstones.hidden_until(info.id, tick_ns(info.last_tick)));
    head_.hide_columns(info.id, tombstones.hidden_columns(info));
  }
}

// By open(): before the log is replayed.
Result<void> Store::State::load_tombstones() {
  kept_until_ = head_.next_id();
  auto const all = catalogue_.tombstones();
  if (!all) return all.error();
  auto loaded = std::make_shared<Tombstones>();
  std::vector<EntityId> ids;
  for (Tombstone const& each : *all) {
    loaded->add(each);
    if (ids.empty() || ids.back() != each.entity) ids.push_back(each.entity);
  }
  hide(*loaded, ids);
  tombstones_ = std::move(loaded);
  return {};
}

Result<void> Store::State::delete_rows(std::span<Tombstone const> rows, AuditEntry const& audit) {
  if (!replayed_)
    return Error{Errc::unavailable, 0, "the log is still being read back; try again later"};
  std::lock_guard const catalogue(catalogue_mutex_);
  auto const with_these = [&] {  // under head_mutex_
    auto all = std::make_shared<Tombstones>(*tombstones_);
    for (Tombstone const& each : rows) all->add(each);
    return all;
  };
  CatalogueDeletion deletion;
  deletion.tombstones.assign(rows.begin(), rows.end());
  deletion.audit = audit;
  std::vector<EntityId> ids;
  for (Tombstone const& each : rows)
    if (ids.empty() || ids.back() != each.entity) ids.push_back(each.entity);
  {
    std::lock_guard const lock(head_mutex_);
    deletion.entities = head_.known(ids);
    deletion.next_entity = head_.next_id();
    auto const all = with_these();
    for (CatalogueEntity& entity : deletion.entities)
      for (auto const& [column, until] : all->hidden_columns(entity.info))
        if (until >= tick_ns(entity.info.last_tick)) std::erase(entity.info.columns, column);
  }
  if (auto saved = catalogue_.save(deletion); !saved) return saved;
  std::lock_guard const lock(head_mutex_);
  auto changed = with_these();
  hide(*changed, ids);
  tombstones_ = std::move(changed);
  return {};
}

Result<std::vector<AuditEntry>> Store::State::audit() const {
  std::lock_guard const catalogue(catalogue_mutex_);
  return catalogue_.audit();
}

Result<std::int64_t> Store::State::note(AuditEntry const& entry,
                                        std::optional<std::int64_t> known) {
  std::lock_guard const catalogue(catalogue_mutex_);
  return catalogue_.save(entry, known);
}

// Entities that are in no spill yet go to the catalogue alone.
Result<void> Store::State::keep_entities(std::span<EntityId const> ids) {
  std::lock_guard const catalogue(catalogue_mutex_);
  CatalogueDeletion kept;
  {
    std::lock_guard const lock(head_mutex_);
    kept.entities = head_.known(ids);
    kept.next_entity = head_.next_id();
  }
  return catalogue_.save(kept);
}

// A damaged index is no reason: what it says cannot be known.
bool Store::State::holds_deleted(SpillFile const& file, Tombstones const& tombstones) const {
  SpillInfo const& info = file.info();
  if (tombstones.newest() <= info.created) return false;
  std::optional<std::vector<EntityId>> entities;
  return tombstones.any_since(info.created, info.first, info.last, [&](EntityId entity) {
    std::uint64_t damaged = 0;
    if (!entities) entities = file.entities(damaged).value_or({});
    return std::ranges::binary_search(*entities, entity);
  });
}

// One a spill: the spill thread has other things to do. Under the gate.
Result<bool> Store::State::rewrite_segment() {
  auto const deleted = tombstones();
  if (deleted->empty()) return false;
  Spills spills;
  {
    std::lock_guard const lock(head_mutex_);
    spills = spills_;
  }
  auto const old = std::ranges::find_if(spills, [&](auto const& spill) {
    bool const segment = spill->info().first_number != spill->info().number;
    return segment && holds_deleted(*spill, *deleted);
  });
  if (old == spills.end()) return false;
  std::uint64_t damaged = 0;
  auto const ids = (*old)->entities(damaged);
  if (!ids) return ids.error();
  SpillInfo info = (*old)->info();
  info.created = std::max(tick_ns(clock_.wall()), deleted->newest());
  auto const segment = write_segment(info, *ids, {*old}, damaged);
  if (!segment) return segment.error();
  bool const replaced = (*segment)->path() == (*old)->path();
  {
    std::lock_guard const lock(head_mutex_);
    std::ranges::replace(spills_, *old, *segment);
  }
  if (!replaced) remove_files({*old});
  return true;
}

// All at once what otherwise comes by and by; what is in memory and in the log stays there.
Result<Compacted> Store::State::compact() {
  Compacted done;
  auto const count = [this](std::uint64_t& files, std::uint64_t& bytes) {
    auto const now = counters();
    files = now.spill_files + now.tier_files;
    bytes = now.spill_bytes;
    for (auto const tier : now.tier_bytes) bytes += tier;
  };
  count(done.files_before, done.bytes_before);
  {
    std::lock_guard const gate(spill_gate_);
    if (auto merged = merge_spills(2); !merged) return merged.error();
    for (bool more = true; more;) {
      auto const rewritten = rewrite_segment();
      if (!rewritten) return rewritten.error();
      more = *rewritten;
    }
  }
  auto const deleted = tombstones();
  for (Tier const tier : all_tiers)
    for (bool more = true; more;) {
      auto const merged = tier_files(tier).merge_one(
          std::max(clock_.wall(), from_tick_ns(deleted->newest())),
          [this] { return job_stopping_.load(); }, 0, dropped(tier, deleted));
      if (!merged) return merged.error();
      more = *merged;
    }
  count(done.files_after, done.bytes_after);
  return done;
}

}  // namespace dadvisor::aggregator::store
