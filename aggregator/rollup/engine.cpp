#include "aggregator/rollup/engine.hpp"

#include <algorithm>

#include "aggregator/rollup/entity_directory.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

// A tick from the far future (an agent's clock) must not put memory out of use.
constexpr Nanoseconds greatest_skew = std::chrono::minutes(1);
// Dirty ticks that lie closer together are kept as one range.
constexpr Nanoseconds joined_gap = std::chrono::minutes(5);
constexpr Nanoseconds forget_spacing = std::chrono::hours(1);
constexpr std::size_t most_plans = 4096;  // beyond, all are forgotten
// What counters said so long before the ticks that memory has makes no rate of any, whatever step
// the next row has: rows of a backlog are not remembered.
constexpr Nanoseconds remembered = std::chrono::minutes(10);

}  // namespace

RollupEngine::RollupEngine(Log log, RollupOptions options)
    : log_(std::move(log)), options_(options) {}

RollupEngine::~RollupEngine() = default;

RollupEngine::Host& RollupEngine::host(std::string const& name) {
  auto const [found, added] = hosts_.try_emplace(name);
  if (added) found->second.name = name;
  return found->second;
}

void RollupEngine::Host::add(AppNumber app) {
  auto const place = std::ranges::lower_bound(apps, app);
  if (place == apps.end() || *place != app) apps.insert(place, app);
}

void RollupEngine::Host::expect(std::size_t place) const {
  constexpr std::size_t far = 4, near = 2;
  if (place + far < instances.size()) __builtin_prefetch(instances[place + far]);
  if (place + near < instances.size() && instances[place + near] != nullptr)
    instances[place + near]->readings.expect();
}

FigurePlan const& RollupEngine::plan(Schema const& schema) {
  if (auto const known = plans_.find(schema.metrics); known != plans_.end()) return known->second;
  return plans_.emplace(schema.metrics, schema).first->second;
}

AppNumber RollupEngine::app(Cluster const& cluster, std::string const& name) {
  auto const [found, added] =
      app_numbers_.try_emplace({cluster, name}, static_cast<AppNumber>(apps_.size()));
  if (added) {
    apps_.emplace_back();
    apps_.back().cluster = cluster;
    apps_.back().name = name;
  }
  return found->second;
}

RollupEngine::Instance& RollupEngine::instance(store::EntityId id, Entity const& entity) {
  auto const [found, added] = instances_.try_emplace(id);
  Instance& made = found->second;
  if (added) {
    made.id = id;
    made.key = entity.key;
    EntityKey const key = app_key(entity);
    made.app = app(key.host, key.container_id);
    made.host = &host(entity.key.host);
    made.host->add(made.app);
    App& its_app = apps_[made.app];
    its_app.hosts.emplace(made.host->name, made.host);
    its_app.instances.insert(id);
  }
  App& its_app = apps_[made.app];
  if (entity.key.start_ns >= its_app.owner_start) {
    its_app.owner_start = entity.key.start_ns;
    its_app.owner = label_of(entity.labels, "owner", "");
  }
  return made;
}

void RollupEngine::attach(store::Store& store, WallTime now) {
  store_ = &store;
  Nanoseconds longest_step = std::chrono::seconds(10);
  auto const entities = store.entities();
  for (store::EntityInfo const& info : *entities) {
    EntityKey const& key = info.entity.key;
    switch (key.kind) {
      case EntityKind::host: {
        Host& its_host = host(key.host);
        its_host.entity = info.id;
        its_host.step = info.step;
        its_host.last_tick = std::max(its_host.last_tick, info.last_tick);
        longest_step = std::max(longest_step, info.step);
        break;
      }
      case EntityKind::container: {
        Instance& known = instance(info.id, info.entity);
        known.last_tick = std::max(known.last_tick, info.last_tick);
        break;
      }
      case EntityKind::app: {
        App& its_app = apps_[app(key.host, key.container_id)];
        its_app.entity = info.id;
        its_app.step = info.step;
        continue;
      }
      case EntityKind::total:
      case EntityKind::foreign:
        continue;
    }
    newest_tick_ = std::max(newest_tick_, info.last_tick);
  }
  // A window is complete once all the ticks that it reaches back to arrived before our eyes.
  memory_from_ = std::min(newest_tick_, now + greatest_skew) +
                 std::max(longest_hole, live_steps) * longest_step;
  closed_ = std::max(closed_, now - options_.open_span);
  let_go_ = std::max(let_go_, closed_);
  dirty_.erase(dirty_.upper_bound(newest_tick_), dirty_.end());
  raw_.clear();                               // all of it is before memory_from_
  late_since_ = now - options_.late_spacing;  // what the kill took is not missed for a minute more
  resume(store.take_unfinished());
}

void RollupEngine::resume(std::vector<store::DirtyKey> const& unfinished) {
  for (store::DirtyKey const& dirty : unfinished) {
    bool const total = dirty.key.kind == EntityKind::total;
    AppNumber const number = total ? 0 : app(dirty.key.host, dirty.key.container_id);
    Nanoseconds step = std::chrono::seconds(10);
    for (auto const& [name, its_host] : hosts_)
      if (its_host.step > Nanoseconds::zero()) step = std::min(step, its_host.step);
    for (WallTime tick = dirty.from; tick <= dirty.until; tick += step) {
      if (total)
        dirty_totals_[tick].insert(dirty.key.host);
      else
        dirty_[tick].insert(number);
    }
  }
}

std::vector<store::DirtyKey> RollupEngine::unfinished() const {
  std::vector<store::DirtyKey> all;
  std::map<EntityKey, std::size_t> newest;  // the place of each one's last range
  auto const add = [&](EntityKey key, WallTime tick) {
    auto const [found, added] = newest.try_emplace(key, all.size());
    if (!added && tick - all[found->second].until <= joined_gap) {
      all[found->second].until = tick;
      return;
    }
    found->second = all.size();
    all.push_back({std::move(key), tick, tick});
  };
  for (auto const& [tick, numbers] : dirty_)
    for (AppNumber const number : numbers)
      add({EntityKind::app, apps_[number].cluster, apps_[number].name, 0}, tick);
  for (auto const& [tick, clusters] : dirty_totals_)
    for (Cluster const& cluster : clusters) add({EntityKind::total, cluster, {}, 0}, tick);
  return all;
}

std::vector<AppNumber> RollupEngine::take(Batch const& batch, std::span<store::EntityId const> ids,
                                          bool in_order) {
  std::vector<AppNumber> apps;
  apps.reserve(batch.rows.size());
  Host& its_host = host(batch.stream.agent);
  if (!its_host.entities.is(batch.entities)) {
    its_host.entities = batch.entities;
    its_host.instances.assign(batch.entities.size(), nullptr);
  }
  auto const previous = its_host.window.previous(batch.tick);
  if (plans_.size() >= most_plans) plans_.clear();
  std::vector<FigurePlan const*> plans;
  for (Schema const& schema : batch.schemas) plans.push_back(&plan(schema));
  bool const of_use =
      batch.tick > let_go_ - std::max<Nanoseconds>(remembered, longest_hole * batch.step);
  auto entity = batch.entities.begin();
  for (std::size_t i = 0; i < batch.rows.size() && i < ids.size(); ++i) {
    Row const& row = batch.rows[i];
    while (entity != batch.entities.end() && entity->slot < row.slot) ++entity;
    if (entity == batch.entities.end()) break;
    if (entity->slot != row.slot || ids[i] == store::absent_entity ||
        row.schema >= batch.schemas.size())
      continue;
    if (entity->entity.key.kind == EntityKind::host) its_host.entity = ids[i];
    if (entity->entity.key.kind != EntityKind::container) continue;
    auto const place = static_cast<std::size_t>(entity - batch.entities.begin());
    its_host.expect(place);
    Instance*& placed = its_host.instances[place];
    if (placed == nullptr || placed->id != ids[i]) placed = &instance(ids[i], entity->entity);
    Instance& known = *placed;
    known.last_tick = std::max(known.last_tick, batch.tick);
    apps.push_back(known.app);
    if (!store_) continue;
    FigurePlan const& its_plan = *plans[row.schema];
    if (!in_order) {
      if (of_use) known.readings.remember(its_plan, row.cells, batch.tick);
      continue;
    }
    its_host.window.add(batch.tick, known.app, known.key,
                        known.readings.take(its_plan, row.cells, batch.tick, batch.step,
                                            known.key.start_ns, previous));
  }
  return apps;
}

void RollupEngine::applied(Batch const& batch, std::span<store::EntityId const> ids) {
  if (batch.step <= Nanoseconds::zero() || batch.rows.empty()) return;
  Host& its_host = host(batch.stream.agent);
  WallTime const tick = batch.tick;
  auto const newest = its_host.window.newest();
  auto const previous = its_host.window.previous(tick);
  bool const in_order = store_ && tick > let_go_ && (!newest || *newest < tick);

  std::vector<AppNumber> touched = take(batch, ids, in_order);
  bool const fresh =
      std::ranges::any_of(ids, [](store::EntityId id) { return id != store::absent_entity; });
  if (store_) its_host.window.deliver(tick, batch.step);
  if (tick >= its_host.last_tick) its_host.step = batch.step;
  its_host.last_tick = std::max(its_host.last_tick, tick);
  newest_tick_ = std::max(newest_tick_, tick);
  // Nothing new in it (a batch sent again): whatever it could change was marked before. A host's
  // late row alone is something new: whether counters that came behind it run from 0.
  if (!fresh && !in_order) return;

  if (in_order) {
    // Instances that were here one tick ago and are not now are no longer expected. Which those
    // are memory only knows when that tick came in order too.
    std::optional<std::vector<AppNumber>> before;
    if (previous && its_host.in_order == *previous) before = its_host.window.apps(*previous);
    if (before)
      touched.insert(touched.end(), before->begin(), before->end());
    else
      touched.insert(touched.end(), its_host.apps.begin(), its_host.apps.end());
    its_host.in_order = tick;
  } else {
    if (store_) ++counters_.late_batches;
    touched.assign(its_host.apps.begin(), its_host.apps.end());
  }
  if (touched.empty()) return;
  // Ticks that nobody delivered yet get their mark by ready(); of those that are replayed, attach()
  // takes out what lies ahead.
  WallTime reach = tick + std::max(longest_hole, live_steps) * batch.step;
  if (store_) reach = std::min(reach, newest_tick_);
  for (WallTime after = tick; after <= reach; after += batch.step) {
    dirty_[after].insert(touched);
    if (!in_order && after > closed_) raw_[after].insert(touched);
  }
}

void RollupEngine::ready(WallTime tick) {
  if (!store_) return;
  ready_ = std::max(ready_, tick);
  stragglers_merged_ = {};  // the next flush() shows all that is there
  for (auto const& [name, its_host] : hosts_) {
    bool const live = tick - its_host.last_tick <= live_steps * its_host.step;
    if (!live || its_host.apps.empty() || its_host.window.delivered(tick)) continue;
    for (AppNumber const number : its_host.apps) dirty_[tick].insert(number);
  }
}

bool RollupEngine::from_memory(WallTime tick, AppNumber number) const {
  if (tick <= let_go_ || tick <= memory_from_) return false;
  auto const marked = raw_.find(tick);
  return marked == raw_.end() || !marked->second.contains(number);
}

// By all the hosts that it has and that live.
bool RollupEngine::all_brought(WallTime tick, AppNumber number) const {
  return std::ranges::all_of(apps_[number].hosts, [&](auto const& named) {
    Host const& its_host = *named.second;
    bool const live = tick - its_host.last_tick <= live_steps * its_host.step;
    return !live || its_host.window.delivered(tick);
  });
}

bool RollupEngine::flush(WallTime now) {
  if (!store_) return false;
  // An app waits for its hosts: until its tick is gathered, and behind that until it is time for
  // stragglers.
  WallTime const before =
      std::exchange(gathered_, std::max({gathered_, let_go_, ready_, now - options_.gathering}));
  bool const stragglers =
      now - stragglers_merged_ >= options_.straggler_spacing || now < stragglers_merged_;
  if (stragglers) stragglers_merged_ = now;
  for (auto tick = dirty_.upper_bound(let_go_); tick != dirty_.end();) {
    bool const all = tick->first <= gathered_ && (stragglers || tick->first > before);
    tick->second.erase_if([&](AppNumber const number) {
      if (!from_memory(tick->first, number) || !(all || all_brought(tick->first, number)))
        return false;
      merge_open(tick->first, number);
      return true;
    });
    tick = tick->second.empty() ? dirty_.erase(tick) : std::next(tick);
  }
  std::size_t budget = options_.rows_per_flush;
  bool const more = mend(now, budget);
  put_open_totals();
  close(now);
  forget(now);
  counters_.dirty_windows = dirty_windows();
  return more;
}

std::uint64_t RollupEngine::dirty_windows() const {
  std::uint64_t sum = 0;
  for (auto const& [tick, apps] : dirty_) sum += apps.size();
  for (auto const& [tick, clusters] : dirty_totals_) sum += clusters.size();
  return sum;
}

// Up to when all hosts have delivered, those left out that keep silent for too long.
WallTime RollupEngine::delivered_until(WallTime now) const {
  WallTime until = now;
  for (auto const& [name, its_host] : hosts_) {
    WallTime const next = its_host.last_tick + its_host.step;
    if (now - next < options_.longest_wait) until = std::min(until, next - Nanoseconds(1));
  }
  return until;
}

void RollupEngine::close(WallTime now) {
  closed_ = std::max(closed_, now - options_.open_span);
  raw_.erase(raw_.begin(), raw_.upper_bound(closed_));
  WallTime const recent = std::min(now - options_.memory_span, delivered_until(now));
  let_go_ = std::max({let_go_, closed_, recent});
  rows_.erase(rows_.begin(), rows_.upper_bound(let_go_));
  for (auto& [name, its_host] : hosts_) {
    // So far behind a row its instance is expected and rates reach back to it.
    Nanoseconds const reach = std::max(longest_hole, live_steps) * its_host.window.step();
    its_host.window.drop_figures(let_go_);
    its_host.window.drop_rows_before(let_go_ - reach);
    its_host.window.drop_ticks_before(closed_ - 2 * reach);
  }
}

void RollupEngine::buried(std::span<store::EntityId const> ids) {
  for (store::EntityId const id : ids) {
    auto const known = instances_.find(id);
    if (known == instances_.end()) continue;
    apps_[known->second.app].instances.erase(id);
    known->second.host->entities = {};  // its places may point to what goes
    instances_.erase(known);
  }
}

void RollupEngine::forget(WallTime now) {
  if (now - forgot_ < forget_spacing) return;
  forgot_ = now;
  for (auto& [name, its_host] : hosts_) {
    its_host.apps.clear();
    its_host.entities = {};  // what stands at their places may go now
  }
  for (App& its_app : apps_) its_app.hosts.clear();
  for (auto known = instances_.begin(); known != instances_.end();) {
    auto& [id, its] = *known;
    if (its.last_tick < now - options_.horizon) {
      apps_[its.app].instances.erase(id);
      known = instances_.erase(known);
      continue;
    }
    if (its.last_tick <= closed_) its.readings = {};
    its.host->add(its.app);
    apps_[its.app].hosts.emplace(its.host->name, its.host);
    ++known;
  }
}

}  // namespace dadvisor::aggregator::rollup
