#pragma once
// Rows in, iterators out; knows nothing of apps or of Graphite.
//
// A frame is appended to the log and synced by the log thread (group sync: a sync starts when the
// last one ended and something waits, at least 20 ms apart); meanwhile the store thread applies
// its rows to the head. Rows that leave the head's span are spilled, ordered by entity, to an
// immutable file; the log is cut behind each spill. What was not spilled before a stop is read back
// from the log by the store thread, while batches are taken and what is there is served.
//
// Coarser tiers (tier.hpp) are made from outside, out of raw rows, and kept here. A row that comes
// for a window that is already in a tier leaves its entity dirty there, and that outlives a kill.
//
// Threads: append() and every const method from any thread; put() only on the store thread, that
// is from within the Observer or a function given to post(); what changes tiers on one thread at a
// time, any.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aggregator/store/appender.hpp"
#include "aggregator/store/dead_query.hpp"
#include "aggregator/store/disk.hpp"
#include "aggregator/store/entity_list.hpp"
#include "aggregator/store/rows.hpp"
#include "aggregator/store/tier.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

// Ticks from `from` to `until` of an entity that are to be made again.
struct DirtyRange {
  EntityId entity = 0;
  WallTime from{}, until{};
  bool operator==(DirtyRange const&) const = default;
};
// The same of an entity that put() makes and that may have no row yet.
struct DirtyKey {
  EntityKey key;
  WallTime from{}, until{};
  bool operator==(DirtyKey const&) const = default;
};

// Rows of an entity that were deleted: those of ticks from `from` to `until`, both included.
struct Tombstone {
  EntityId entity = 0;
  TickNs from = 0, until = 0;
  TickNs made = 0;                      // when that was asked for
  std::optional<MetricId> column = {};  // of these rows the values of this metric alone
  bool operator==(Tombstone const&) const = default;
};
// Who changed what in the store, and when.
struct AuditEntry {
  WallTime time{};
  std::string who, what;
};
// What backup() made.
struct BackupMade {
  WallTime time{};  // all rows that were acknowledged before are in it
  std::uint64_t files = 0, linked_files = 0, bytes = 0;
};

// What compact() did to spills, segments and tiers.
struct Compacted {
  std::uint64_t files_before = 0, bytes_before = 0, files_after = 0, bytes_after = 0;
};

// The rows of an entity in a tier's file.
struct TierRows {
  EntityId entity = 0;
  Rows rows;
};
// Gives the next entity, by id ascending; false: there are no more.
using NextTierRows = std::function<Result<bool>(TierRows&)>;

// Told of what was applied, on the store thread, in order; first of the log's rows of earlier runs,
// before whatever was given to post(): its maker may not have the Store yet, so what follows from
// them has to wait for a post(). Replayed are the rows that no spill holds: of about the last 3 to
// 13 minutes, in whole minutes (see FORMAT.md, boundary), and late ones since the last spill.
class Observer {
 public:
  virtual ~Observer() = default;
  // These left memory: who needs them asks dead_names() and dead() from now on.
  virtual void buried(std::span<EntityId const>) {}
  // The batch's rows are in the head; ids[i] is the entity of batch.rows[i]. A row for a tick that
  // was there already is not applied again (first wins) and its id is absent_entity.
  virtual void applied(Batch const& batch, std::span<EntityId const> ids) = 0;
  // Which derived rows are not, or not rightly, put yet although the rows that they follow from
  // are applied. Asked on the store thread when a spill begins and kept with it, so that a kill
  // behind it does not forget them: see Store::take_unfinished().
  virtual std::vector<DirtyKey> unfinished() const { return {}; }
};
inline constexpr EntityId absent_entity = 0xffffffff;

struct StoreOptions {
  std::string directory;
  Nanoseconds head_span =
      std::chrono::minutes(10);                    // a spill is made each time this much has passed
  std::size_t spills_per_segment = 12;             // so many spills become one file
  Nanoseconds retention = std::chrono::hours(48);  // of spilled rows
  // Whether somebody makes tiers: then raw rows stay until the first one has them.
  bool raw_waits_for_tiers = false;
  TierPlans tiers;
  bool compress_tiers = true;  // what is written of them, with zstd
  // A container without a row for so long is over: with the next spill it leaves memory.
  Nanoseconds dead_after = std::chrono::minutes(15);
  // Of more dead ones than this those go that died before `crowded_retention`, the oldest first;
  // else they stay as long as rows of them are kept.
  std::uint64_t most_dead = 5'000'000;
  Nanoseconds crowded_retention = std::chrono::hours(72);
  // By what name a dead one is found within its group. Absent: the label "instance", else its id.
  std::function<std::string(Entity const&)> name_of;
  Nanoseconds sync_spacing = std::chrono::milliseconds(20);
  // Of the disk, in bytes, and half of what the log takes beside it: when less is free, append()
  // answers unavailable, while the catalogue and a spill can still be written.
  std::uint64_t disk_reserve = 4 << 20;
};

struct StoreCounters {
  std::uint64_t appended_batches = 0, appended_bytes = 0, syncs = 0, sync_failures = 0,
                write_failures = 0, applied_rows = 0, duplicate_rows = 0, replayed_batches = 0,
                damaged_records = 0, damaged_catalogue_rows = 0, spills = 0, spill_failures = 0,
                merges = 0, damaged_spills = 0, unapplied_cells = 0, log_bytes = 0, spill_bytes = 0,
                head_rows = 0, entities = 0, spill_files = 0, tier_files = 0, late_beyond_raw = 0,
                deleted_entities = 0, dead_entities = 0, buried_entities = 0, revived_entities = 0,
                crowded_out_entities = 0;
  std::array<std::uint64_t, all_tiers.size()> tier_bytes{};     // by tier
  std::array<std::uint64_t, all_tiers.size()> dirty_windows{};  // that wait to be made again
  std::array<std::uint64_t, all_tiers.size()> files_of_tier{};
};

class ColumnScan;
class SpillReads;

class Store final : public Appender {
 public:
  // Opens or makes the store in options.directory, reads how far the log goes and starts the
  // threads. The observer may be null and, like disk and clock, must outlive the store.
  static Result<std::unique_ptr<Store>> open(StoreOptions options, Disk& disk, Clock const& clock,
                                             Log log, Observer* observer);
  ~Store() override;  // stops the threads; what was appended and not acknowledged may be lost
  // The end is near and must not wait: batches that are not applied yet, and what is left of the
  // log, are read at the next start instead, and a spill under way is given up. Functions given to
  // post() still run. Any thread.
  void begin_stop();

  void append(std::string frame, std::shared_ptr<Batch const> batch,
              std::function<void(Result<void>)> done) override;
  std::uint64_t unapplied_cells() const override;
  std::vector<StreamMark> marks() const override;

  // Runs `function` on the store thread, after what was appended before.
  void post(std::function<void()> function);
  // Puts a derived row (an app's, a total's): not logged, since it can be made again from the log's
  // rows; replaces the row of that tick. Only on the store thread. Spilled like any other row.
  EntityId put(EntityKey const& key, Labels const& labels, WallTime tick, Nanoseconds step,
               Schema const& schema, Cells const& cells);

  // A snapshot; the same pointer as long as nothing but last_tick changed. `generation` rises when
  // an entity or a column appeared, labels or a step changed, or an entity went.
  std::shared_ptr<EntityList const> entities() const;
  std::uint64_t generation() const;
  EntityPtr entity(EntityId id) const;  // that lives or is over; null: it is not known any more

  // Containers that are over and left memory; entities() has them no more. The groups' pointer is
  // the same as long as none came or went. Whoever joins both asks entities() first: what leaves
  // memory meanwhile is then in both. dead_names() calls visit until it returns false; each row
  // that it looks at takes one off `budget`. Errors: too_large (the budget is used up), io.
  std::shared_ptr<DeadGroups const> dead_groups() const;
  Result<void> dead_names(DeadQuery const& query, std::size_t& budget,
                          DeadVisitor const& visit) const;
  // What is known of them, by id ascending, also of some that live again; those of which all is
  // deleted are left out.
  Result<EntityList> dead(std::vector<EntityId> ids) const;
  // All those of these groups whose rows may lie in [from, until], at most `limit`: else too_large.
  Result<EntityList> dead(std::span<DeadGroup const> groups, WallTime from, WallTime until,
                          std::size_t limit) const;

  // Calls visit(tick, cells) for each row of `entity` with from <= tick <= until, by tick
  // ascending, each tick once; cells[i] is the value of columns[i]. Head and spills alike. An
  // entity that is not known has no rows. Errors: io (a spill that cannot be read is counted and
  // its rows are left out; only when nothing at all can be read is that an error). `reads`: of who
  // asks for entity after entity; of raw rows, or of the same tier.
  using Visitor = std::function<void(WallTime tick, std::span<Cell const> cells)>;
  Result<void> scan(EntityId entity, std::span<MetricId const> columns, WallTime from,
                    WallTime until, Visitor const& visit, SpillReads* reads = nullptr) const;
  // The same of scan.columns(), as columns, of entity after entity: calls visit(i) when the rows of
  // entities[i] stand in `scan`. Many at once cost a fraction of one by one. Errors also of
  // visit(); behind one no more are read.
  using EntityVisitor = std::function<Result<void>(std::size_t)>;
  Result<void> scan(std::span<EntityId const> entities, WallTime from, WallTime until,
                    ColumnScan& scan, EntityVisitor const& visit) const;

  Nanoseconds retention() const;  // of raw rows
  // Of a tier: windows that begin before sealed_until() are in its files; WallTime::min() when none
  // are. scan_tier() visits rows as scan() does, whose ticks are their windows' begins.
  TierPlan const& plan(Tier tier) const;
  WallTime sealed_until(Tier tier) const;
  Result<void> scan_tier(Tier tier, EntityId entity, std::span<MetricId const> columns,
                         WallTime from, WallTime until, Visitor const& visit,
                         SpillReads* reads = nullptr) const;
  // Before the rows of [.., until) are read for the tier's file: rows that come for them from now
  // on leave their entities dirty.
  void begin_seal(Tier tier, WallTime until);
  // Writes the rows of the period that begins at `period`: all of them (then the period is
  // sealed), or those that were made again. Durable when it returns. Errors: of next(), io,
  // unavailable (the disk is full): nothing has changed then.
  Result<void> write_tier(Tier tier, WallTime period, bool whole, NextTierRows const& next);
  // Marks what the files of a tier hold wrongly.
  void mark_dirty(Tier tier, DirtyRange const& range);
  // Dirty ranges of the newest sealed period that ends at `until` or before, by entity ascending;
  // empty when all is clean there. Those whose raw rows are gone are counted and left out: a window
  // is never made of a part of its rows.
  std::vector<DirtyRange> begin_dirty(Tier tier, WallTime until);
  void end_dirty(Tier tier, bool clean);
  // Removes what is past its retention and merges the patches of one period. Errors: io.
  Result<void> tidy_tier(Tier tier, std::function<bool()> const& stopping);
  // Makes entities known whose rows come by write_tier() alone, or takes in what is there of one
  // beside its rows: first and last tick, columns. By key; ids are given. Durable when it returns
  // what is known of each then. Any thread. Errors: unavailable (the disk is full), io.
  Result<std::vector<EntityInfo>> extend(std::span<EntityInfo const> with);
  // What the observer called unfinished() at the last spill before the store was opened; from then
  // on it is the observer's to name. Only on the store thread.
  std::vector<DirtyKey> take_unfinished();
  // All raw rows from here on are still there.
  WallTime raw_from() const;

  // Deletes rows; nobody sees them from then on, and that is durable, when it returns. Any thread.
  // Errors: unavailable (the disk is full, or the log is still being read back: nobody can name
  // rows yet that come out of it), io: nothing is deleted then.
  Result<void> delete_rows(std::span<Tombstone const> rows, AuditEntry const& audit);
  Result<std::vector<AuditEntry>> audit() const;  // oldest first
  // Adds what was changed by other ways than delete_rows(), or says more of it: `known`, what was
  // returned before, is replaced. Durable when it returns. Any thread. Errors: unavailable, io.
  Result<std::int64_t> note(AuditEntry const& entry, std::optional<std::int64_t> known);
  // Makes a consistent copy in `directory`, which must not be there yet: hard links where it is on
  // the store's file system. Whoever writes to the store goes on; spills wait. Any thread, one at a
  // time. Errors: conflict (the directory is there), unavailable (disk full), gone (begin_stop()),
  // io; what was begun is removed then.
  Result<BackupMade> backup(std::string const& directory);
  // Writes files again that hold deleted rows, and makes one of spills and of a period's patches;
  // whoever writes to the store goes on, spills wait. What is not in a file yet stays as it is. It
  // changes tiers. Errors: unavailable (disk full), gone (begin_stop()), io; what it did until then
  // is done.
  Result<Compacted> compact();

  StoreCounters counters() const;
  // False while the disk is full or failing: append() answers unavailable.
  bool writable() const;
  // False while rows of earlier runs are still being read from the log.
  bool replayed() const;

 private:
  class State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dadvisor::aggregator::store
