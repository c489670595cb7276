// How spills become segments: a dozen of them one file with the same form, whose blocks are longer,
// so that a row costs less and a query reads one place where it had read twelve.
//
// The segment has the number of the newest of its spills and says which was the oldest; what a
// crash left of those is removed at the next start. It says of the log what its newest spill said.

#include <algorithm>
#include <set>

#include "aggregator/store/spill_writer.hpp"
#include "aggregator/store/store_state.hpp"
#include "common/core/give_way.hpp"

namespace dadvisor::aggregator::store {

// A merge is a minute of work that nobody waits for; meanwhile memory fills with what the next
// spills are to take, and more threads than there are cores keep batches from being applied.
//
// A spill that came beside the merge may have made the next one due, and no other will look before
// the spill behind it.
void Store::State::merge_beside_spills() {
  for (bool again = true; again;) {
    bool ended = false;
    bool merged = false;
    bool spilled = false;
    std::thread merger([&] {
      give_way();
      auto const done = merge_spills(options_.spills_per_segment);
      auto const rewritten = done ? rewrite_segment() : done;
      if (!rewritten && !job_stopping_)
        log_.error("spills cannot be merged yet: {}", to_string(rewritten.error()));
      std::lock_guard const lock(job_mutex_);
      ended = true;
      merged = done && *done;
      job_wake_.notify_one();
    });
    std::unique_lock lock(job_mutex_);
    for (;;) {
      job_wake_.wait(lock, [&] { return ended || job_; });
      if (ended) break;
      SpillJob job = std::move(*job_);
      job_.reset();
      lock.unlock();
      spilled |= run_spill(job);
      lock.lock();
    }
    lock.unlock();
    merger.join();
    again = (merged || spilled) && !job_stopping_;
  }
}

Result<bool> Store::State::merge_spills(std::size_t least) {
  Spills parts;
  {
    std::lock_guard const lock(head_mutex_);
    for (auto const& spill : spills_) {
      bool const is_segment = spill->info().first_number != spill->info().number;
      // A segment stands for all between its first and its last. A spill in front of one, which a
      // failed sync of the directory left there, stays as it is.
      if (is_segment)
        parts.clear();
      else if (parts.size() < options_.spills_per_segment)
        parts.push_back(spill);
    }
  }
  if (parts.size() < std::max<std::size_t>(least, 2)) return false;
  std::set<EntityId> ids;
  std::uint64_t damaged = 0;
  for (auto const& part : parts) {
    auto const its = part->entities(damaged);
    if (!its) return its.error();
    ids.insert(its->begin(), its->end());
  }
  SpillInfo info = parts.back()->info();
  info.first_number = parts.front()->info().first_number;
  auto segment = write_segment(info, {ids.begin(), ids.end()}, parts, damaged);
  if (!segment) return segment.error();
  {
    std::lock_guard const lock(head_mutex_);
    spills_.push_back(std::move(*segment));
  }
  remove_merged();
  ++merge_count_;
  return true;
}

// How rows of the entity become one; nothing: it is neither in memory nor among the dead.
std::optional<OfOneTick> Store::State::kept_as(EntityId id) const {
  // It may come back to life, and the spill beside us may write that down, between the look into
  // memory and the one at the dead: then it is in memory at the next one.
  for (int look = 0; look < 2; ++look) {
    {
      std::lock_guard const lock(head_mutex_);
      if (auto const known = head_.of_one_tick(id)) return known;
    }
    if (is_dead(id)) return OfOneTick::first;
  }
  return std::nullopt;
}

// What the parts have of the entities, without deleted rows; what is damaged is counted on
// `damaged` and left out.
Result<std::shared_ptr<SpillFile const>> Store::State::write_segment(
    SpillInfo const& info, std::vector<EntityId> const& ids, Spills const& parts,
    std::uint64_t damaged) {
  SpillWriter writer(disk_, path("spill"), info);
  Result<void> result = writer.begin();
  ColumnTable table;
  auto cursors = ascending_cursors(parts.size());
  auto const deleted = tombstones();
  for (EntityId const id : ids) {
    if (job_stopping_) result = Error{Errc::gone, 0, "stopping"};
    if (!result) break;
    auto const of_one_tick = kept_as(id);
    if (!of_one_tick) continue;  // past its retention
    table.clear();
    for (std::size_t i = 0; i < parts.size() && result; ++i)
      result = parts[i]->append(id, table, damaged, cursors[i]);
    table.settle(*of_one_tick);
    deleted->drop(id, Nanoseconds(1), table);
    if (result && !table.ticks.empty()) result = writer.add(id, table);
  }
  auto name = result ? writer.finish() : Result<std::string>(result.error());
  if (!name) {
    writer.abandon();
    return name.error();
  }
  auto segment = SpillFile::open(disk_, path("spill/" + *name), chunks_);
  if (segment && damaged > 0) {
    damaged_spills_ += damaged;
    log_.error("{} damaged parts of spills are lost", damaged);
  }
  return segment;
}

void Store::State::remove_merged() {
  Spills old;
  {
    std::lock_guard const lock(head_mutex_);
    auto const superseded = [&](auto const& spill) {
      return std::ranges::any_of(spills_, [&](auto const& other) {
        // Of a segment that was rewritten the newer one counts.
        bool const same = other->info().first_number == spill->info().first_number &&
                          other->info().number == spill->info().number;
        return other->info().first_number < other->info().number && other != spill &&
               other->info().first_number <= spill->info().first_number &&
               spill->info().number <= other->info().number &&
               (!same || other->info().created > spill->info().created);
      });
    };
    for (auto const& spill : spills_)
      if (superseded(spill)) old.push_back(spill);
    std::erase_if(spills_,
                  [&](auto const& spill) { return std::ranges::find(old, spill) != old.end(); });
    std::ranges::sort(spills_, {}, [](auto const& spill) { return spill->info().number; });
  }
  remove_files(old);
}

void Store::State::remove_files(Spills const& files) {
  for (auto const& file : files)
    if (auto removed = disk_.remove(file->path()); !removed)
      log_.warning("{}", to_string(removed.error()));
}

}  // namespace dadvisor::aggregator::store
