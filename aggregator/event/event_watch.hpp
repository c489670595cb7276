#pragma once
// Sees what happened in the batches that the store applies, and records it.
//
// From rows alone: a life's first row is a start, or a restart when the same container lived
// before; an app's first life with an image that neither ran last nor runs beside it is a deploy;
// a life without rows for a minute of its host's batches has ended, nobody knows how; a growing
// mem.oom_kills is an oom, of containers that no runtime tells of; a host's first row is a join.
// From the agent: exits with their code and ooms, by the runtime's word (Batch::events), and ticks
// that it could not keep (Batch::losses).
//
// applied() only notes what to look at, on the store's thread; a thread of its own tells the rest
// and writes it. What is noted twice, since a log is replayed or a batch sent again, is recorded
// once: by identities and facts in the log.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "aggregator/event/event_log.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::event {

struct WatchOptions {
  Nanoseconds retention = std::chrono::hours(48);  // of events; older beginnings are no event
  std::size_t most_waiting = 1'000'000;            // notes; more are dropped and counted
};

struct WatchCounters {
  std::uint64_t recorded = 0;
  std::uint64_t known = 0;     // told again
  std::uint64_t dropped = 0;   // more than may wait
  std::uint64_t unnamed = 0;   // of a life that the store had forgotten by then
  std::uint64_t failures = 0;  // transactions that failed; they are tried again
  std::uint64_t pruned = 0;
  std::uint64_t waiting = 0;
};

class EventWatch final : public store::Observer {
 public:
  // The clock must outlive it.
  EventWatch(WatchOptions options, EventLog log, Clock const& clock, Log logger);
  ~EventWatch() override;

  void applied(Batch const& batch, std::span<store::EntityId const> ids) override;

  // After Store::open(), once. `recorded` is called on the watch's thread after events became
  // durable. `find`: an entity that was applied, also one that left the store's memory; null: there
  // is none any more. `entities`: the store's list, which is long, so that it is asked for when an
  // app may have been deployed, not for each event.
  void start(std::function<store::EntityPtr(store::EntityId)> find,
             std::function<std::shared_ptr<store::EntityList const>()> entities,
             std::function<void()> recorded);
  void stop();
  // For tests: returns when all that was noted is recorded.
  void drain();

  WatchCounters counters() const;

 private:
  struct Begun {
    store::EntityId entity;
    std::int64_t restarts;
  };
  struct Gone {
    store::EntityId entity;
    WallTime last;
  };
  struct Starved {  // out of memory, by its rows
    store::EntityId entity;
    WallTime tick;
    std::int64_t kills;
  };
  struct Joined {
    store::EntityId entity;
    WallTime tick;
  };
  struct Told {
    ContainerEvent event;
    WallTime tick;
  };
  using Note = std::variant<Begun, Gone, Starved, Joined, Told, Happening>;
  // The lives of an agent that have rows.
  struct Live {
    WallTime last{};
    std::uint64_t batch = 0;
  };
  // What is known of an entity by its place in the agent's list.
  struct Place {
    store::EntityId entity = store::absent_entity;
    Live* live = nullptr;      // of a container
    bool has_runtime = false;  // that tells of its ooms
  };
  struct Agent {
    WallTime newest{};
    std::uint64_t batches = 0;
    std::unordered_map<store::EntityId, Live> live;
    SlotEntities entities;  // of its last batch
    std::vector<Place> places;
  };

  void note(Note note);
  Place& place(Agent& agent, SlotEntities::const_iterator entry, store::EntityId id);
  void look_for_gone(Agent& agent, Nanoseconds step);
  void run();
  Result<void> record(std::span<Note const> notes);
  Result<void> record_begin(Entity const& life, bool restart);
  Result<void> record_image(Entity const& life, bool restart, bool is_event);
  Result<void> add(Happening const& happening, bool* added = nullptr);
  bool lived_before(Entity const& life);
  // Of those that the store has no more in memory.
  void forget_starts();
  bool runs_beside(Entity const& life, std::int64_t since);
  bool is_old(WallTime when) const { return when < clock_.wall() - options_.retention; }
  void prune_when_due();

  WatchOptions const options_;
  EventLog log_;
  Clock const& clock_;
  Log logger_;

  mutable std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<Note> notes_;
  bool stopping_ = false, busy_ = false;
  WatchCounters counters_;
  std::vector<bool> seen_;  // by entity: had a row in this run
  std::unordered_map<std::string, Agent> agents_;
  WallTime newest_{};                                        // of all of them
  std::unordered_map<store::EntityId, std::int64_t> kills_;  // of those without a runtime

  // The watch's thread alone:
  std::function<store::EntityPtr(store::EntityId)> find_;
  std::function<std::shared_ptr<store::EntityList const>()> entities_;
  std::function<void()> recorded_;
  std::shared_ptr<store::EntityList const> listed_;  // of the transaction under way, once asked for
  std::unordered_map<std::size_t, std::int64_t> first_start_;  // by (host, container), hashed
  std::size_t living_starts_ = 0;                              // when the others were forgotten
  std::uint64_t added_ = 0, known_ = 0, unnamed_ = 0;          // of the transaction under way
  MonotonicTime prune_due_{};
  bool failure_logged_ = false;
  std::thread thread_;
};

}  // namespace dadvisor::aggregator::event
