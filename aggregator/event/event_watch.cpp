#include "aggregator/event/event_watch.hpp"

#include <algorithm>

#include "common/core/metric/metric.hpp"

namespace dadvisor::aggregator::event {
namespace {

using store::absent_entity;
using store::EntityId;
using store::EntityInfo;

constexpr std::size_t notes_at_once = 2000;
constexpr std::uint64_t least_batches = 3;  // without a row, before a life counts as gone
constexpr std::chrono::seconds least_silence{60};
constexpr std::chrono::minutes host_away{10};  // a host silent for longer runs nothing any more
constexpr std::chrono::hours prune_pace{1};
constexpr std::size_t pruned_at_once = 2000;

// A collision of two hashes would call a start a restart, once in 10^8 lists of 500,000.
std::size_t container_of(EntityKey const& key) {
  return std::hash<std::string>()(key.host + '\n' + key.container_id);
}

// Which cell of a row is a metric's, of each schema of a batch.
class Places {
 public:
  Places(Batch const& batch, MetricId metric) : batch_(batch) {
    for (auto const& schema : batch.schemas) {
      auto const at = std::ranges::find(schema.metrics, metric);
      places_.push_back(static_cast<std::size_t>(at - schema.metrics.begin()));
    }
  }
  Cell of(Row const& row) const {
    auto const at = places_[row.schema];
    return at < row.cells.size() ? row.cells[at] : Cell();
  }

 private:
  Batch const& batch_;
  std::vector<std::size_t> places_;
};

std::string image_fact(Entity const& life) {
  return "image\n" + std::string(label_of(life, "cluster")) + '\n' +
         std::string(label_of(life, "app"));
}

}  // namespace

EventWatch::EventWatch(WatchOptions options, EventLog log, Clock const& clock, Log logger)
    : options_(options), log_(std::move(log)), clock_(clock), logger_(std::move(logger)) {}

EventWatch::~EventWatch() { stop(); }

void EventWatch::note(Note note) {
  if (notes_.size() >= options_.most_waiting) {
    if (++counters_.dropped == 1) logger_.warning("events come faster than they are written");
    return;
  }
  notes_.push_back(std::move(note));
}

// Looked up once for as long as the agent has the same entities.
EventWatch::Place& EventWatch::place(Agent& agent, SlotEntities::const_iterator entry,
                                     EntityId id) {
  auto& place = agent.places[static_cast<std::size_t>(entry - agent.entities.begin())];
  if (place.entity == id) return place;
  bool const container = entry->entity.key.kind == EntityKind::container;
  place.entity = id;
  place.live = container ? &agent.live[id] : nullptr;
  auto const runtime = label_of(entry->entity, "runtime");
  place.has_runtime = container && (runtime == "docker" || runtime == "containerd");
  return place;
}

void EventWatch::applied(Batch const& batch, std::span<EntityId const> ids) {
  std::lock_guard const lock(mutex_);
  Places const restarts(batch, metric::state_restarts), kills(batch, metric::mem_oom_kills);
  auto& agent = agents_[batch.stream.agent];
  bool const newest = batch.tick > agent.newest;
  if (newest) {
    agent.newest = batch.tick;
    newest_ = std::max(newest_, batch.tick);
    ++agent.batches;
  }
  if (newest && !agent.entities.is(batch.entities)) {
    agent.entities = batch.entities;
    agent.places.assign(batch.entities.size(), {});
  }
  auto entry = batch.entities.begin();
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    auto const& row = batch.rows[i];
    while (entry->slot < row.slot) ++entry;
    auto const id = ids[i];
    if (id == absent_entity) continue;
    if (id >= seen_.size()) seen_.resize(std::size_t{id} + 1024);
    bool const first = !seen_[id];
    seen_[id] = true;
    if (entry->entity.key.kind == EntityKind::host) {
      if (first) note(Joined{id, batch.tick});
      continue;
    }
    if (entry->entity.key.kind != EntityKind::container) continue;
    if (first) note(Begun{id, restarts.of(row).value_or(0)});
    if (!newest) continue;
    auto const& its = place(agent, entry, id);
    *its.live = {batch.tick, agent.batches};
    if (its.has_runtime) continue;
    if (auto const count = kills.of(row)) {
      auto const [known, added] = kills_.try_emplace(id, *count);
      if (*count > known->second) note(Starved{id, batch.tick, *count});
      known->second = *count;
    }
  }
  for (auto const& event : batch.events) note(Told{event, batch.tick});
  for (auto const& loss : batch.losses) note(loss_of(batch.stream.agent, loss));
  if (newest && agent.batches % least_batches == 0) look_for_gone(agent, batch.step);
  if (!notes_.empty()) wake_.notify_one();
}

void EventWatch::look_for_gone(Agent& agent, Nanoseconds step) {
  auto const silence = std::max<Nanoseconds>(least_silence, least_batches * step);
  auto const gone = std::erase_if(agent.live, [&](auto const& one) {
    auto const& [id, live] = one;
    if (agent.batches - live.batch < least_batches || agent.newest - live.last < silence)
      return false;
    note(Gone{id, live.last});
    kills_.erase(id);
    return true;
  });
  if (gone > 0) agent.entities = {};  // its places may point to what went
}

void EventWatch::start(std::function<store::EntityPtr(EntityId)> find,
                       std::function<std::shared_ptr<store::EntityList const>()> entities,
                       std::function<void()> recorded) {
  find_ = std::move(find);
  entities_ = std::move(entities);
  recorded_ = std::move(recorded);
  auto const known = entities_();
  for (auto const& info : *known) lived_before(info.entity);
  living_starts_ = first_start_.size();
  thread_ = std::thread([this] { run(); });
}

void EventWatch::stop() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EventWatch::drain() {
  std::unique_lock lock(mutex_);
  wake_.notify_one();
  idle_.wait(lock, [this] { return notes_.empty() && !busy_; });
}

WatchCounters EventWatch::counters() const {
  std::lock_guard const lock(mutex_);
  auto counters = counters_;
  counters.waiting = notes_.size();
  return counters;
}

void EventWatch::run() {
  std::vector<Note> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, std::chrono::seconds(10), [this] { return stopping_ || !notes_.empty(); });
    if (notes_.empty() && stopping_) return;
    busy_ = true;
    while (!notes_.empty() && batch.size() < notes_at_once) {
      batch.push_back(std::move(notes_.front()));
      notes_.pop_front();
    }
    lock.unlock();
    Result<void> done;
    if (!batch.empty()) done = record(batch);
    if (done) prune_when_due();
    lock.lock();
    if (done) {
      batch.clear();
      counters_.recorded += added_;
      counters_.known += known_;
      counters_.unnamed += unnamed_;
      failure_logged_ = false;
    } else {
      ++counters_.failures;
      if (!failure_logged_)
        logger_.error("{}; it is tried again each second", to_string(done.error()));
      failure_logged_ = true;
      // What is not written now is seen again when the log is replayed.
      if (stopping_) return;
      wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
    }
    bool const tell = done && added_ > 0;
    added_ = known_ = unnamed_ = 0;
    busy_ = !batch.empty();
    if (notes_.empty() && !busy_) idle_.notify_all();
    if (tell && recorded_) {
      lock.unlock();
      recorded_();
      lock.lock();
    }
    if (!batch.empty()) {
      for (auto note = batch.rbegin(); note != batch.rend(); ++note)
        notes_.push_front(std::move(*note));
      batch.clear();
      busy_ = false;
    }
  }
}

void EventWatch::prune_when_due() {
  auto const now = clock_.monotonic();
  if (now < prune_due_) return;
  auto const pruned = log_.prune(clock_.wall() - options_.retention, pruned_at_once);
  if (!pruned) {
    logger_.warning("old events stay: {}", to_string(pruned.error()));
    prune_due_ = now + prune_pace;
    return;
  }
  if (*pruned < pruned_at_once) prune_due_ = now + prune_pace;
  std::lock_guard const lock(mutex_);
  counters_.pruned += *pruned;
}

Result<void> EventWatch::add(Happening const& happening, bool* added) {
  auto const is_new = log_.add(happening);
  if (!is_new) return is_new.error();
  ++(*is_new ? added_ : known_);
  if (added != nullptr) *added = *is_new;
  return {};
}

bool EventWatch::lived_before(Entity const& life) {
  if (life.key.kind != EntityKind::container) return false;
  auto const [known, added] = first_start_.try_emplace(container_of(life.key), life.key.start_ns);
  known->second = std::min(known->second, life.key.start_ns);
  return known->second < life.key.start_ns;
}

void EventWatch::forget_starts() {
  constexpr std::size_t few = 100'000;
  if (first_start_.size() < std::max(few, 2 * living_starts_)) return;
  first_start_.clear();
  auto const living = entities_();
  for (auto const& info : *living) lived_before(info.entity);
  living_starts_ = first_start_.size();
}

// Whether an instance that was there before `since` still runs the life's image: then that image is
// the elder one of a deploy under way, and no new one.
bool EventWatch::runs_beside(Entity const& life, std::int64_t since) {
  if (!listed_) listed_ = entities_();
  auto const app = label_of(life, "app"), image = label_of(life, "image");
  auto const cluster = label_of(life, "cluster");
  std::lock_guard const lock(mutex_);
  return std::ranges::any_of(*listed_, [&](EntityInfo const& info) {
    auto const& other = info.entity;
    if (other.key.kind != EntityKind::container || other.key.start_ns > since) return false;
    if (label_of(other, "app") != app || label_of(other, "image") != image ||
        label_of(other, "cluster") != cluster)
      return false;
    auto const agent = agents_.find(other.key.host);
    if (agent == agents_.end() || newest_ - agent->second.newest > host_away) return false;
    auto const live = agent->second.live.find(info.id);
    return live != agent->second.live.end() && live->second.batch == agent->second.batches;
  });
}

// Which image an app runs is a fact of its newest life; it changes with a beginning.
Result<void> EventWatch::record_image(Entity const& life, bool restart, bool is_event) {
  auto const image = label_of(life, "image");
  if (image.empty() || label_of(life, "app").empty()) return {};
  auto const name = image_fact(life);
  auto const known = log_.fact(name);
  if (!known) return known.error();
  std::string before;
  if (*known) {
    auto const blank = (*known)->find(' ');
    before = (*known)->substr(std::min(blank, (*known)->size() - 1) + 1);
    std::int64_t const since = std::strtoll((*known)->c_str(), nullptr, 10);
    if (before == image || life.key.start_ns <= since) return {};
    if (restart || runs_beside(life, since)) return {};
    if (is_event)
      if (auto done = add(deploy_of(life, before)); !done) return done;
  }
  return log_.set_fact(name, std::to_string(life.key.start_ns) + ' ' + std::string(image));
}

Result<void> EventWatch::record_begin(Entity const& life, bool restart) {
  restart = lived_before(life) || restart;
  if (life.key.start_ns <= 0) return {};
  bool const is_event = !is_old(WallTime(Nanoseconds(life.key.start_ns)));
  bool added = !is_event;
  if (is_event)
    if (auto done = add(begin_of(life, restart), &added); !done) return done;
  if (!added) return {};
  return record_image(life, restart, is_event);
}

Result<void> EventWatch::record(std::span<Note const> notes) {
  if (auto begun = log_.begin(); !begun) return begun;
  forget_starts();
  store::EntityPtr found;  // that the note is of
  auto const one = [&](Note const& note) -> Result<void> {
    auto const named = [&](EntityId id) {
      found = find_(id);
      if (!found) ++unnamed_;
      return found ? &found->entity : nullptr;
    };
    if (auto const* happening = std::get_if<Happening>(&note)) return add(*happening);
    if (auto const* told = std::get_if<Told>(&note)) {
      auto const& event = told->event;
      auto const& life = event.entity;
      // A time that cannot be is the tick's.
      WallTime when{Nanoseconds(event.time_ns)};
      if (event.time_ns <= 0 || when > told->tick + std::chrono::minutes(1)) when = told->tick;
      // A runtime may stamp the start of a life of milliseconds after its end.
      when = std::max(when, WallTime(Nanoseconds(life.key.start_ns)));
      if (is_old(when)) return {};
      if (auto done = record_begin(life, false); !done) return done;
      if (event.kind == ContainerEventKind::oom)
        return add(oom_of(life, when, std::to_string(event.time_ns)));
      return add(exit_of(life, when, {event.exit_code, event.oom_killed, event.reason}));
    }
    if (auto const* begun = std::get_if<Begun>(&note)) {
      auto const* const life = named(begun->entity);
      return life ? record_begin(*life, begun->restarts > 0) : Result<void>();
    }
    if (auto const* gone = std::get_if<Gone>(&note)) {
      auto const* const life = named(gone->entity);
      return life ? add(exit_of(*life, gone->last, {})) : Result<void>();
    }
    if (auto const* starved = std::get_if<Starved>(&note)) {
      auto const* const life = named(starved->entity);
      return life ? add(oom_of(*life, starved->tick, std::to_string(starved->kills)))
                  : Result<void>();
    }
    auto const& joined = std::get<Joined>(note);
    auto const* const host = named(joined.entity);
    if (host == nullptr) return {};
    auto const name = "host\n" + host->key.host;
    auto const known = log_.fact(name);
    if (!known) return known.error();
    if (*known) return {};
    if (auto done = add(join_of(*host, joined.tick)); !done) return done;
    return log_.set_fact(name, std::to_string(unix_seconds(joined.tick)));
  };
  Result<void> done;
  for (auto const& note : notes)
    if (done = one(note); !done) break;
  listed_.reset();
  if (done) done = log_.commit();
  if (!done) {
    log_.roll_back();
    added_ = known_ = unnamed_ = 0;
  }
  return done;
}

}  // namespace dadvisor::aggregator::event
