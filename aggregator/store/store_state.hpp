#pragma once
// Inside of Store: its parts and their threads. Nobody but store*.cpp includes this.
//
// Threads: the log thread (in LogWriter) writes, syncs and acknowledges; the store thread applies
// batches and runs posted functions; the spill thread moves rows from the head to a file, and has
// a thread that merges such files beside it. Locks, in this order: spill_gate_ (no spill, merge or
// removal of files), catalogue_mutex_, order_ (that log and head see batches in one order),
// head_mutex_ (head, spills, tombstones).

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/column_scan.hpp"
#include "aggregator/store/head.hpp"
#include "aggregator/store/log_replay.hpp"
#include "aggregator/store/log_writer.hpp"
#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/store.hpp"
#include "aggregator/store/tier_files.hpp"
#include "aggregator/store/tombstones.hpp"

namespace dadvisor::aggregator::store {

class BackupWriter;

class Store::State {
 public:
  State(StoreOptions options, Disk& disk, Clock const& clock, Log log, Observer* observer,
        Catalogue catalogue);
  ~State();

  // In this order, by open().
  Result<void> load_catalogue();
  Result<void> load_spills();
  Result<void> load_tiers();
  Result<void> survey();
  void start();
  void begin_stop();

  void append(std::string frame, std::shared_ptr<Batch const> batch,
              std::function<void(Result<void>)> done);
  void post(std::function<void()> function);
  EntityId put(EntityKey const& key, Labels const& labels, WallTime tick, Nanoseconds step,
               Schema const& schema, Cells const& cells);
  std::uint64_t unapplied_cells() const { return unapplied_cells_; }
  std::vector<StreamMark> const& marks() const { return marks_; }
  std::shared_ptr<EntityList const> entities() const;
  EntityPtr entity(EntityId id) const;
  std::uint64_t generation() const;
  std::shared_ptr<DeadGroups const> dead_groups() const;
  Result<void> dead_names(DeadQuery const& query, std::size_t& budget,
                          DeadVisitor const& visit) const;
  Result<EntityList> dead(std::vector<EntityId> ids) const;
  Result<EntityList> dead(std::span<DeadGroup const> groups, WallTime from, WallTime until,
                          std::size_t limit) const;
  Result<void> scan(std::span<EntityId const> entities, WallTime from, WallTime until,
                    ColumnScan& scan, EntityVisitor const& visit) const;
  Nanoseconds retention() const { return options_.retention; }
  TierPlan const& plan(Tier tier) const { return options_.tiers.of(tier); }
  WallTime sealed_until(Tier tier) const { return from_tick_ns(tier_files(tier).sealed_until()); }
  Result<void> scan_tier(Tier tier, EntityId entity, WallTime from, WallTime until,
                         ColumnScan& scan) const;
  void begin_seal(Tier tier, WallTime until);
  Result<void> write_tier(Tier tier, WallTime period, bool whole, NextTierRows const& next);
  void mark_dirty(Tier tier, DirtyRange const& range);
  std::vector<DirtyRange> begin_dirty(Tier tier, WallTime until);
  void end_dirty(Tier tier, bool clean);
  Result<void> tidy_tier(Tier tier, std::function<bool()> const& stopping);
  Result<std::vector<EntityInfo>> extend(std::span<EntityInfo const> with);
  std::vector<DirtyKey> take_unfinished() { return std::exchange(unfinished_, {}); }
  Result<void> delete_rows(std::span<Tombstone const> rows, AuditEntry const& audit);
  Result<std::vector<AuditEntry>> audit() const;
  Result<std::int64_t> note(AuditEntry const& entry, std::optional<std::int64_t> known);
  Result<BackupMade> backup(std::string const& directory);
  Result<Compacted> compact();
  WallTime raw_from() const { return from_tick_ns(raw_from_); }
  StoreCounters counters() const;
  bool writable() const { return log_writer_->writable(); }
  bool replayed() const { return replayed_; }

 private:
  using Task = std::variant<std::shared_ptr<Batch const>, std::function<void()>>;
  using Spills = std::vector<std::shared_ptr<SpillFile const>>;  // by number

  using Written = std::vector<std::pair<EntityId, std::vector<PackedBlock>>>;

  // A spill that is under way: it may begin when both have come.
  struct SpillJob {
    std::future<Rotation> logged;
    std::future<std::vector<DirtyKey>> applied;  // what the observer called unfinished then
  };

  EntityPtr what_is_left(EntityPtr info, Tombstones const& tombstones) const;
  Result<void> scan_files(EntityId entity, HeadRows& head, Tombstones const& tombstones,
                          TickNs from, TickNs until, ColumnScan& scan) const;
  void replay(std::vector<LogFile> const& files);
  Result<void> load_tombstones();
  std::shared_ptr<Tombstones const> tombstones() const;
  void hide(Tombstones const& tombstones, std::span<EntityId const> ids);
  bool holds_deleted(SpillFile const& file, Tombstones const& tombstones) const;
  Result<void> keep_entities(std::span<EntityId const> ids);
  Result<bool> rewrite_segment();  // true: it wrote one
  TierFiles::Deleted dropped(Tier tier, std::shared_ptr<Tombstones const> const& deleted) const;
  Result<void> link_tiers(BackupWriter& writer) const;
  void apply(Batch const& batch);
  void run_store();
  void wake_store();  // of the log thread
  void begin_spill_if_due();
  void run_spills();
  // Under the gate: false when it failed, which is logged.
  bool run_spill(SpillJob& job);
  // Merges what is to be merged, and spills when that is due meanwhile. Under the gate.
  void merge_beside_spills();
  MonotonicTime first_spill_at() const;
  Result<void> spill(Rotation const& rotation, std::vector<DirtyKey> unfinished);
  Result<std::vector<EntityId>> save_entities(CatalogueChange change, TickNs boundary);
  // Of store_dead.cpp: what is over leaves memory; what lives again comes back.
  Result<void> bury_idle();
  Result<void> expire_dead();
  void mark_dead_first_rates(LateHost const& late, WallTime tick);
  Result<void> forget_dead(std::span<EntityId const> ids);
  void find_dead(std::span<EntityKey const> keys, std::vector<CatalogueEntity>& found) const;
  void revive(std::vector<CatalogueEntity> dead);
  void let_reads_in() const;
  bool is_dead(EntityId id) const;
  std::optional<OfOneTick> kept_as(EntityId id) const;
  class DeadReading;
  Result<std::string> write_spill(SpillInfo const& info, std::vector<EntityId> const& ids,
                                  Written& written);
  void release(Written const& written);
  // Makes one segment of the oldest spills; false: there are not `least` of them, or not two.
  Result<bool> merge_spills(std::size_t least);
  Result<std::shared_ptr<SpillFile const>> write_segment(SpillInfo const& info,
                                                         std::vector<EntityId> const& ids,
                                                         Spills const& parts,
                                                         std::uint64_t damaged);
  void remove_merged();
  void remove_files(Spills const& files);
  void drop_old_spills(TickNs cutoff);
  TickNs raw_cutoff() const;
  WallTime entity_cutoff(EntityKind kind) const;
  TierFiles& tier_files(Tier tier) const { return *tiers_[static_cast<std::size_t>(tier)]; }
  bool covered(std::uint64_t log_file, WallTime tick) const;
  std::string path(std::string const& part) const { return options_.directory + "/" + part; }

  StoreOptions const options_;
  Disk& disk_;
  Clock const& clock_;
  Log log_;
  Observer* const observer_;
  std::shared_ptr<KnownChunks> const chunks_ = std::make_shared<KnownChunks>();
  mutable std::mutex spill_gate_;
  mutable std::mutex catalogue_mutex_;
  mutable Catalogue catalogue_;                // of open(), then under catalogue_mutex_
  mutable std::atomic<int> waiting_reads_{0};  // for catalogue_mutex_: long work lets them in
  std::atomic<std::uint64_t> dead_count_{0};
  std::atomic<std::int64_t> latest_dead_start_{0};
  std::atomic<std::uint64_t> buried_{0}, revived_{0}, crowded_out_{0};
  mutable std::atomic<std::uint64_t> damaged_dead_{0};
  std::atomic<EntityId> kept_until_{0};  // entities with lower numbers are in the catalogue
  std::vector<EntityId> unsaved_gone_;   // of the spill thread
  std::vector<DirtyKey> unspilled_;      // of the spill thread: unfinished since the last spill
  std::uint64_t next_spill_ = 1;         // of open(), then of the spill thread
  std::vector<StreamMark> marks_;        // constant after open()
  std::vector<DirtyTier> dirty_then_;    // of open(): what the catalogue had
  std::vector<DirtyKey> unfinished_;     // of open(), then of the store thread
  std::array<std::unique_ptr<TierFiles>, all_tiers.size()> tiers_;  // constant after open()
  std::atomic<TickNs> raw_from_{std::numeric_limits<TickNs>::min()};
  std::atomic<std::uint64_t> late_beyond_raw_{0};
  std::vector<EntityId> ids_;      // of the store thread: scratch
  MonotonicTime next_spill_at_{};  // of the store thread

  mutable std::mutex head_mutex_;
  Head head_;
  Spills spills_;
  std::shared_ptr<Tombstones const> tombstones_ = std::make_shared<Tombstones const>();

  mutable std::mutex list_mutex_;
  mutable std::weak_ptr<EntityList const> list_;  // of those who have it: it is large
  mutable std::uint64_t list_version_ = 0;

  std::mutex order_;
  std::mutex tasks_mutex_;
  std::condition_variable tasks_wake_;
  std::deque<Task> tasks_;
  std::atomic<std::uint64_t> unapplied_cells_{0};  // of the batches in tasks_
  bool stopping_ = false;
  std::atomic<bool> skipping_{false};  // batches are left to the next start

  std::mutex job_mutex_;
  std::condition_variable job_wake_;
  std::optional<SpillJob> job_;
  bool spilling_ = false;      // from the job's making to its end
  bool spill_failed_ = false;  // the last one
  std::atomic<bool> job_stopping_{false};

  std::uint64_t damaged_catalogue_rows_ = 0;  // constant after open()
  std::atomic<bool> replayed_{false};
  std::atomic<std::uint64_t> replayed_batches_{0};
  WallTime oldest_replayed_ = WallTime::max();  // of the store thread
  std::atomic<std::uint64_t> damaged_records_{0}, spill_count_{0}, spill_failures_{0},
      merge_count_{0};
  mutable std::atomic<std::uint64_t> damaged_spills_{0};

  std::unique_ptr<LogWriter> log_writer_;
  std::thread store_thread_, spill_thread_;
};

}  // namespace dadvisor::aggregator::store
