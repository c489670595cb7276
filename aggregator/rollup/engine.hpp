#pragma once
// Keeps the rows of apps and of whole clusters in step with what hosts deliver.
//
// A tick that arrives in order is rolled up from memory: the merge of what each host delivered,
// replaced and never added. Everything else (late ticks, what was replayed at start, what memory
// has let go) makes its apps' ticks dirty and is rolled up again from the store's raw rows by the
// same function; a late row at t also changes the rates, and who is expected, up to three steps
// later. So replays, duplicates and another order of arrival end in the same rows. What is dirty
// when rows leave the log outlives a kill: the store keeps it, see unfinished().
//
// Rows are put as entities of kind app (host = cluster, container_id = raw app name) and total
// (host = cluster). All of it lives on the store thread: applied() is called there, and main calls
// the rest from within Store::post().

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "aggregator/rollup/app_set.hpp"
#include "aggregator/rollup/host_window.hpp"
#include "aggregator/rollup/ranked_figures.hpp"
#include "aggregator/rollup/raw_figures.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::rollup {

struct RollupOptions {
  // An app's tick is rolled up once all its live hosts have brought it. Where some have not, it is
  // when the tick is ready, or so long after it, and then no more often than each
  // straggler_spacing: each time all that the app has at the tick is merged.
  Nanoseconds gathering = std::chrono::seconds(2);
  Nanoseconds straggler_spacing = std::chrono::seconds(5);
  Nanoseconds open_span = std::chrono::seconds(120);  // a tick closes this long after it
  // What instances said at a tick is in memory for so long, and until every live host has
  // delivered it, at most longest_wait: of all that an instance takes here it is the most.
  Nanoseconds memory_span = std::chrono::seconds(10);
  Nanoseconds longest_wait = std::chrono::seconds(60);
  // Closed ticks are mended so long after the first of them became dirty; after a start at once.
  Nanoseconds late_spacing = std::chrono::seconds(60);
  Nanoseconds horizon = std::chrono::hours(48);  // instances unseen for longer are forgotten
  std::size_t rows_per_flush = 100'000;          // raw rows that one flush() may read, roughly
};

struct RollupCounters {
  std::uint64_t merged_rows = 0;      // app rows made from memory
  std::uint64_t recomputed_rows = 0;  // app rows made from the store
  std::uint64_t total_rows = 0;
  std::uint64_t late_batches = 0;
  std::uint64_t read_failures = 0;  // of the store; the row stays as it was
  std::uint64_t dirty_windows = 0;  // ticks of apps and totals that wait, since the last flush()
};

class RollupEngine final : public store::Observer {
 public:
  explicit RollupEngine(Log log, RollupOptions options = {});
  ~RollupEngine() override;

  // From here on rows are put. Before, batches (those that open() replays) are only noted down.
  // Once, after Store::open(); the store must outlive the engine's calls.
  void attach(store::Store& store, WallTime now);
  void applied(Batch const& batch, std::span<store::EntityId const> ids) override;
  // The store is asked for them when one of their ticks is rolled up again.
  void buried(std::span<store::EntityId const> ids) override;
  // The rows of apps and totals that are dirty.
  std::vector<store::DirtyKey> unfinished() const override;
  // `tick` is ready: live hosts that did not deliver it are missed now, and their instances stand
  // in `expected`. Before the flush() that is to show it.
  void ready(WallTime tick);
  // Rolls up what is dirty and due: open ticks first, closed ones after late_spacing, newest first.
  // To be called when a tick became ready and once a second. True: there is more, call again soon.
  bool flush(WallTime now);

  RollupCounters const& counters() const { return counters_; }

 private:
  struct Instance;
  struct Host {
    std::string name;
    store::EntityId entity = store::absent_entity;
    Nanoseconds step{};
    WallTime last_tick{};
    WallTime in_order{};          // the newest tick whose rows are in the window
    HostWindow window;            // of the ticks in memory
    std::vector<AppNumber> apps;  // that have an instance here, ascending
    void add(AppNumber app);
    // Of the last batch's list of entities: whose rows its places are, as far as it is known.
    SlotEntities entities;
    std::vector<Instance*> instances;
    // A hint that rows from this place on are taken: what the next ones need is asked for.
    void expect(std::size_t place) const;
  };
  struct App {
    std::string cluster, name;
    std::map<std::string, Host*> hosts;  // sorted: the order of the merge
    std::set<store::EntityId> instances;
    std::string owner;  // of the newest life
    std::int64_t owner_start = -1;
    store::EntityId entity = store::absent_entity;  // where its rows are put
    Nanoseconds step{};                             // of its newest row
  };
  struct Instance {
    store::EntityId id = store::absent_entity;
    EntityKey key;
    AppNumber app = 0;
    Host* host = nullptr;
    WallTime last_tick{};
    InstanceReadings readings;
  };
  using Cluster = std::string;
  // Ticks of a cluster that are rolled up again, over as many flushes as it takes.
  struct Mending {
    Cluster cluster;
    std::vector<WallTime> ticks;        // ascending
    std::vector<std::uint8_t> total;    // of each: 1: the total is made too
    std::vector<RankedFigures> ranked;  // of each: what the apps before `next` have for it
    std::vector<AppNumber> apps;        // by name
    std::size_t next = 0;
  };
  struct MendingReads;

  Host& host(std::string const& name);
  void resume(std::vector<store::DirtyKey> const& unfinished);
  AppNumber app(Cluster const& cluster, std::string const& name);
  Instance& instance(store::EntityId id, Entity const& entity);
  FigurePlan const& plan(Schema const& schema);
  // Notes the batch's rows in memory; the apps that it names, some of them several times.
  std::vector<AppNumber> take(Batch const& batch, std::span<store::EntityId const> ids,
                              bool in_order);
  bool from_memory(WallTime tick, AppNumber app) const;
  bool all_brought(WallTime tick, AppNumber app) const;

  void merge_open(WallTime tick, AppNumber number);
  // Of mending.cpp. mend(): true: there is more.
  bool mend(WallTime now, std::size_t& budget);
  bool begin_mending(bool closed, bool late_totals);
  Result<std::vector<RawInstance>> raw_instances(AppNumber number, MendingReads& reads,
                                                 std::deque<EntityKey>& keys,
                                                 std::set<Host*>& hosts);
  void mend_app(AppNumber number, MendingReads& reads, std::size_t& budget);
  bool put_mended_totals(std::size_t& budget);
  // The rows of the cluster's apps at some ticks, as the store has them.
  std::map<WallTime, std::vector<RollupRow>> stored_rows(Cluster const& cluster,
                                                         std::set<WallTime> const& ticks,
                                                         std::size_t& budget);
  bool has_row(App const& its_app, WallTime tick) const;
  void put_app(AppNumber number, WallTime tick, std::optional<RollupRow> made);
  std::vector<AppNumber> apps_of(Cluster const& cluster) const;
  bool in_memory(WallTime tick) const;
  bool is_late(WallTime tick) const;  // open, and memory has let it go
  bool has_dirty_app(WallTime tick, Cluster const& cluster) const;
  // One that is dirty and to be read from the store, of this cluster or of any.
  std::optional<AppNumber> raw_app(WallTime tick, Cluster const* cluster) const;
  void put_open_totals();
  void put_total(Cluster const& cluster, WallTime tick, std::span<RollupRow const* const> rows,
                 RankedFigures& ranked);
  // What the cluster's instances contribute to a tick that is in memory.
  RankedFigures open_figures(Cluster const& cluster, WallTime tick) const;
  Nanoseconds cluster_step(Cluster const& cluster, WallTime tick) const;
  std::uint64_t dirty_windows() const;
  void close(WallTime now);
  WallTime delivered_until(WallTime now) const;
  void forget(WallTime now);

  Log log_;
  RollupOptions options_;
  store::Store* store_ = nullptr;
  std::map<std::string, Host> hosts_;
  std::vector<App> apps_;
  std::map<std::pair<Cluster, std::string>, AppNumber> app_numbers_;
  std::unordered_map<store::EntityId, Instance> instances_;
  std::map<std::vector<MetricId>, FigurePlan> plans_;  // a cache

  // Beginning at 1970, long before any tick.
  WallTime newest_tick_{};
  WallTime memory_from_{};  // ticks up to this one arrived, in part, before the start
  WallTime let_go_{};       // ticks up to this one are not in memory any more
  WallTime closed_{};       // ticks up to this one are closed
  WallTime ready_{};        // the newest one that was
  WallTime gathered_{};     // ticks up to this one are rolled up, whoever did not bring them
  WallTime stragglers_merged_{};
  WallTime totals_done_{};
  std::optional<WallTime> late_since_;  // the first flush() that saw a closed tick dirty
  WallTime forgot_{};
  std::map<WallTime, AppSet> dirty_;
  std::map<WallTime, AppSet> raw_;  // open ticks of which memory knows not all
  std::map<WallTime, std::set<Cluster>> dirty_totals_;
  std::map<WallTime, std::map<AppNumber, RollupRow>> rows_;  // of ticks in memory
  std::optional<Mending> mending_;                           // under way
  RollupCounters counters_;
};

}  // namespace dadvisor::aggregator::rollup
