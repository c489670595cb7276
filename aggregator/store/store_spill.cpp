// How rows leave memory, and what may go when they are safe elsewhere.
//
// 1. The log ends its file; both threads pass a point behind which nothing is in that file.
// 2. The catalogue gets the entities, some at a time, then the marks: from now on ids are kept.
// 3. Rows up to the boundary are written to spill/new, synced, renamed; the directory is synced.
// 4. Readers get the new spill, the head lets go of what it holds, covered log files go.
// 5. Containers that are over leave memory (store_dead.cpp).
// A crash anywhere leaves either the log or the spill: what stands in both counts once.

#include <algorithm>
#include <limits>

#include "aggregator/store/spill_writer.hpp"
#include "aggregator/store/store_state.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t at_once = 64;          // entities that are worked on under the lock
constexpr std::size_t saved_at_once = 2048;  // a megabyte
constexpr auto retry_after = std::chrono::seconds(10);
constexpr TickNs never = std::numeric_limits<TickNs>::min();
// The first window of a tier needs rows from before it: rates reach back.
constexpr Nanoseconds tier_reach = std::chrono::minutes(10);
// Rows this young stay in the head alone, and in the log: queries for fresh data need no file, and
// after a restart the observer sees every tick that a rollup may still have open.
constexpr auto longest_kept = std::chrono::minutes(3);

}  // namespace

Result<void> Store::State::load_spills() {
  auto names = disk_.list(path("spill"));
  if (!names) return names.error();
  // A run that was killed may have renamed one and no more.
  if (auto synced = disk_.sync_directory(path("spill")); !synced) return synced.error();
  for (std::string const& name : *names) {
    if (name == new_segment_name)  // until the next merge, in hours, it would only take room
      if (auto removed = disk_.remove(path("spill/" + name)); !removed)
        log_.warning("{}", to_string(removed.error()));
    if (!is_spill_name(name)) continue;
    next_spill_ = std::max(next_spill_, spill_number(name) + 1);
    auto spill = SpillFile::open(disk_, path("spill/" + name), chunks_);
    if (spill && (*spill)->info().store_id == catalogue_.store_id()) {
      spills_.push_back(std::move(*spill));
      continue;
    }
    ++damaged_spills_;
    if (spill)
      log_.error("spill/{} is of another store and is left out", name);
    else
      log_.error("{}; it is left out", to_string(spill.error()));
  }
  std::sort(spills_.begin(), spills_.end(),
            [](auto const& a, auto const& b) { return a->info().number < b->info().number; });
  remove_merged();
  return {};
}

MonotonicTime Store::State::first_spill_at() const {
  WallTime const now = clock_.wall();
  WallTime since = std::min(now, oldest_replayed_);
  if (!spills_.empty()) since = from_tick_ns(spills_.back()->info().created);
  auto const wait =
      std::clamp<Nanoseconds>(since + options_.head_span - now, {}, options_.head_span);
  return clock_.monotonic() + wait;
}

void Store::State::begin_spill_if_due() {
  auto const now = clock_.monotonic();
  std::lock_guard const lock(job_mutex_);
  if (spilling_) return;
  if (spill_failed_) {
    next_spill_at_ = now + std::min<Nanoseconds>(retry_after, options_.head_span);
    spill_failed_ = false;
  }
  if (now < next_spill_at_) return;
  next_spill_at_ = now + options_.head_span;
  auto passed = std::make_shared<std::promise<std::vector<DirtyKey>>>();
  std::lock_guard const order(order_);
  job_.emplace(SpillJob{log_writer_->rotate(), passed->get_future()});
  spilling_ = true;
  {
    std::lock_guard const tasks(tasks_mutex_);
    tasks_.emplace_back([this, passed] {
      // What nobody has taken up yet stays as it is.
      auto unfinished = unfinished_;
      if (observer_ != nullptr)
        for (DirtyKey& key : observer_->unfinished()) unfinished.push_back(std::move(key));
      passed->set_value(std::move(unfinished));
    });
  }
  job_wake_.notify_one();
}

void Store::State::run_spills() {
  std::unique_lock lock(job_mutex_);
  for (;;) {
    job_wake_.wait(lock, [this] { return job_stopping_ || job_; });
    if (job_stopping_) return;
    SpillJob job = std::move(*job_);
    job_.reset();
    lock.unlock();
    job.applied.wait();
    if (!job_stopping_) job.logged.wait();
    if (!job_stopping_) {
      std::lock_guard const gate(spill_gate_);
      if (run_spill(job)) merge_beside_spills();
    }
    lock.lock();
  }
}

bool Store::State::run_spill(SpillJob& job) {
  auto unfinished = job.applied.get();
  Result<void> done = Error{Errc::gone, 0, "stopping"};
  if (!job_stopping_) done = spill(job.logged.get(), std::move(unfinished));
  std::lock_guard const lock(job_mutex_);
  spilling_ = false;
  if (!done && !job_stopping_) {
    ++spill_failures_;
    spill_failed_ = true;
    log_.error("rows cannot be moved from memory to disk: {}", to_string(done.error()));
  }
  return static_cast<bool>(done);
}

Result<void> Store::State::spill(Rotation const& rotation, std::vector<DirtyKey> unfinished) {
  WallTime const now = clock_.wall();
  auto const kept = std::min<Nanoseconds>(longest_kept, options_.head_span * 3 / 10);
  // Whole minutes: no rollup's window is spilled in part and replayed in part.
  TickNs const boundary = tick_ns(tick_of(now - kept, std::chrono::minutes(1))) - 1;
  {
    std::lock_guard const lock(head_mutex_);
    auto const gone = head_.expire([this](EntityKind kind) { return entity_cutoff(kind); });
    unsaved_gone_.insert(unsaved_gone_.end(), gone.begin(), gone.end());
  }
  TickNs const cutoff = raw_cutoff();
  drop_old_spills(cutoff);  // first: the disk may be full
  CatalogueChange change;
  change.marks = rotation.marks;
  // What was put since is durable only behind this spill: until then it is to be made again.
  change.unfinished = unfinished;
  for (DirtyKey const& key : unspilled_)
    if (std::ranges::find(unfinished, key) == unfinished.end()) change.unfinished.push_back(key);
  unspilled_ = change.unfinished;
  auto ids = save_entities(std::move(change), boundary);
  if (!ids) return ids.error();
  if (ids->empty() && !rotation.covers) {
    unspilled_ = std::move(unfinished);
    return bury_idle();
  }
  SpillInfo info;
  info.store_id = catalogue_.store_id();
  info.number = next_spill_++;
  info.log_number = rotation.next_number;
  info.boundary = boundary;
  info.created = tick_ns(now);
  Written written;
  auto name = write_spill(info, *ids, written);
  if (!name) return name.error();
  auto spill = SpillFile::open(disk_, path("spill/" + *name), chunks_);
  if (!spill) return spill.error();
  {
    std::lock_guard const lock(head_mutex_);
    spills_.push_back(std::move(*spill));
  }
  release(written);
  log_writer_->forget(rotation.next_number, from_tick_ns(boundary));
  unspilled_ = std::move(unfinished);
  ++spill_count_;
  return bury_idle();
}

// Returns the entities that have rows up to the boundary; all of them are in the catalogue then.
Result<std::vector<EntityId>> Store::State::save_entities(CatalogueChange change, TickNs boundary) {
  change.gone = unsaved_gone_;
  std::vector<EntityId> ids;
  EntityId last = 0;
  // In parts: all descriptions at once would be much memory, and reads of the catalogue wait.
  for (bool more = true; more;) {
    {
      std::lock_guard const lock(head_mutex_);
      more = head_.changes(last, at_once, boundary, change, ids);
    }
    if (more && change.entities.size() < saved_at_once) continue;
    auto const saved = [&]() -> Result<void> {
      if (job_stopping_) return Error{Errc::gone, 0, "stopping"};
      std::lock_guard const lock(catalogue_mutex_);
      return catalogue_.save(change.entities, change.next_entity);
    }();
    if (!saved) {
      std::lock_guard const lock(head_mutex_);
      head_.unsaved(change);
      return saved.error();
    }
    change.entities.clear();
    let_reads_in();
  }
  {
    std::lock_guard const lock(head_mutex_);
    for (Tier const tier : all_tiers)
      for (DirtyRange const& range : head_.dirty(tier).all()) change.dirty.push_back({tier, range});
  }
  auto const saved = [&] {
    std::lock_guard const lock(catalogue_mutex_);
    return catalogue_.save(change);
  }();
  if (!saved) return saved.error();
  kept_until_ = std::max<EntityId>(kept_until_, change.next_entity);
  if (!unsaved_gone_.empty()) {
    std::lock_guard const lock(head_mutex_);
    auto left = std::make_shared<Tombstones>(*tombstones_);
    for (EntityId const id : unsaved_gone_) left->forget(id);
    tombstones_ = std::move(left);
  }
  unsaved_gone_.clear();
  return ids;
}

Result<std::string> Store::State::write_spill(SpillInfo const& info,
                                              std::vector<EntityId> const& ids, Written& written) {
  SpillWriter writer(disk_, path("spill"), info);
  Result<void> result = writer.begin();
  ColumnTable table;
  auto const deleted = tombstones();
  for (EntityId const id : ids) {
    if (!result) break;
    if (job_stopping_) result = Error{Errc::gone, 0, "stopping"};
    std::vector<PackedBlock> blocks;
    {
      std::lock_guard const lock(head_mutex_);
      blocks = head_.freeze(id, info.boundary);
    }
    if (!result || blocks.empty()) continue;
    table.clear();
    for (PackedBlock const& block : blocks)
      if (result) result = append_block(block->bytes, table);
    deleted->drop(id, Nanoseconds(1), table);
    if (result && !table.ticks.empty()) result = writer.add(id, table);
    written.emplace_back(id, std::move(blocks));
  }
  auto name = result ? writer.finish() : Result<std::string>(result.error());
  if (!name) writer.abandon();
  return name;
}

void Store::State::release(Written const& written) {
  for (std::size_t first = 0; first < written.size(); first += at_once) {
    std::lock_guard const lock(head_mutex_);
    for (std::size_t i = first; i < std::min(first + at_once, written.size()); ++i)
      head_.release(written[i].first, written[i].second);
  }
}

// Rows before it may go: they are past their retention, in a tier, and no window that they belong
// to is to be made again.
TickNs Store::State::raw_cutoff() const {
  TickNs cutoff = tick_ns(clock_.wall() - options_.retention);
  if (!options_.raw_waits_for_tiers) return cutoff;
  std::lock_guard const lock(head_mutex_);
  for (Tier const tier : {Tier::minute_instances, Tier::minute})
    for (TickNs const needed : {tier_files(tier).sealed_until(), head_.dirty(tier).first()})
      cutoff = std::min(cutoff, std::max(needed, never + tier_reach.count()) - tier_reach.count());
  return cutoff;
}

WallTime Store::State::entity_cutoff(EntityKind kind) const {
  Nanoseconds kept = std::max(options_.retention, plan(first_tier(kind)).retention);
  if (kind != EntityKind::container) kept = std::max(kept, plan(Tier::ten_minutes).retention);
  return clock_.wall() - kept;
}

void Store::State::drop_old_spills(TickNs cutoff) {
  raw_from_ = std::max<TickNs>(raw_from_, cutoff);
  Spills old;
  {
    std::lock_guard const lock(head_mutex_);
    for (auto const& spill : spills_)
      if (spill->info().last < cutoff) old.push_back(spill);
    std::erase_if(spills_, [&](auto const& spill) { return spill->info().last < cutoff; });
  }
  remove_files(old);
}

}  // namespace dadvisor::aggregator::store
