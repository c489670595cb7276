#include "aggregator/store/head.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>

#include "common/core/foreign.hpp"
#include "common/core/metric/rate.hpp"
#include "common/core/prefetch.hpp"

namespace dadvisor::aggregator::store {
namespace {

// A late row changes the rates of so many steps behind it.
constexpr int late_reach = longest_hole;
constexpr std::size_t most_shapes = 4096;  // beyond, all are forgotten: they are a cache

}  // namespace

Head::Head(EntityId next_id, TierPlans const& tiers) : next_id_(next_id) {
  for (Tier const tier : all_tiers) dirty_.emplace_back(tiers.of(tier));
  mark_before_.fill(std::numeric_limits<TickNs>::min());
}

void Head::mark_before(Tier tier, TickNs until) {
  auto& before = mark_before_[static_cast<std::size_t>(tier)];
  before = std::max(before, until);
}

void Head::mark_dirty(Tier tier, EntityId id, TickNs from, TickNs until) {
  auto const before = mark_before_[static_cast<std::size_t>(tier)];
  if (from < before) dirty(tier).mark(id, from, std::min(until, before - 1));
}

void Head::restore(CatalogueEntity entity) {
  auto made = std::make_unique<Member>();
  auto const id = entity.info.id;
  made->last_tick = entity.info.last_tick;
  made->derived = entity.derived;
  made->changed = made->was_dead = entity.was_dead;
  if (entity.was_dead) ++version_, ++generation_;
  made->info = std::make_shared<EntityInfo>(std::move(entity.info));
  next_id_ = std::max(next_id_, id + 1);
  members_.insert(std::move(made));
}

Head::Member& Head::member(Entity const& entity, bool derived) {
  if (auto* const known = members_.find(entity.key)) return *known;
  auto made = std::make_unique<Member>();
  made->info = std::make_shared<EntityInfo>();
  made->info->id = next_id_++;
  made->info->entity = entity;
  made->info->first_tick = WallTime::max();
  made->info->last_tick = WallTime::min();
  made->last_tick = WallTime::min();
  made->derived = derived;
  ++version_, ++generation_;
  return members_.insert(std::move(made));
}

void Head::expect(Member const& member) { prefetch<Access::write>(&member, sizeof member); }

void Head::expect(Cells const& cells) {
  prefetch<Access::read>(cells.words().data(), cells.words().size_bytes());
}

void Head::resolve(Batch const& batch, Slots& slots) {
  if (slots.of.is(batch.entities)) return;
  std::vector<std::pair<std::uint32_t, Member*>> resolved;
  resolved.reserve(batch.entities.size());
  auto last = slots.members.begin();
  bool foreign_hosts = false;
  for (auto const& [slot, entity] : batch.entities) {
    foreign_hosts = foreign_hosts || entity.key.host != batch.stream.agent;
    while (last != slots.members.end() && last->first < slot) ++last;
    bool const known = last != slots.members.end() && last->first == slot &&
                       last->second != nullptr && last->second->info->entity.key == entity.key;
    Member* const found = known ? last->second : members_.find(entity.key);
    if (found != nullptr) relabel(*found, entity);
    resolved.emplace_back(slot, found);
  }
  slots.of = batch.entities;
  slots.members = std::move(resolved);
  slots.foreign_hosts = foreign_hosts;
}

void Head::relabel(Member& member, Entity const& entity) {
  auto const& labels = member.info->entity.labels;
  // A replay leaves out what is spilled: what is left may be older than the catalogue.
  bool const older =
      entity.key.kind == EntityKind::foreign && !foreign_labels_follow(labels, entity.labels);
  if (older || labels == entity.labels) return;
  member.edit().entity.labels = entity.labels;
  member.changed = true;
  ++version_, ++generation_;
}

std::shared_ptr<SchemaShape const> Head::shape(Schema const& schema) {
  if (auto const known = shapes_.find(schema.metrics); known != shapes_.end()) return known->second;
  if (shapes_.size() >= most_shapes) shapes_.clear();
  auto made = std::make_shared<SchemaShape const>(schema);
  shapes_.emplace(schema.metrics, made);
  return made;
}

bool Head::add(Member& member, WallTime tick, Nanoseconds step,
               std::shared_ptr<SchemaShape const> const& shape, Cells const& cells) {
  auto const before = member.tail.rows();
  if (!member.tail.add(tick_ns(tick), shape, cells, member.of_one_tick(), packing_)) return false;
  rows_ += member.tail.rows() - before;
  member.changed = true;
  mark_dirty(first_tier(member.info->entity.key.kind), member.info->id, tick_ns(tick),
             tick_ns(tick) + (member.derived ? 0 : late_reach * step.count()));
  if (tick < member.info->first_tick) {
    member.edit().first_tick = tick;
    ++version_;
  }
  if (tick >= member.last_tick) {
    bool const unhidden =
        tick_ns(member.last_tick) <= member.hidden_until && tick_ns(tick) > member.hidden_until;
    member.last_tick = tick;
    if (unhidden || member.info->step != step) {
      member.edit().step = step;
      ++version_, ++generation_;
    }
  }
  if (auto fresh = member.tail.new_columns(member.info->columns); !fresh.empty()) {
    EntityId const id = member.info->id;
    if (std::erase_if(fresh,
                      [&](MetricId column) { return is_hidden(id, column, tick_ns(tick)); }) > 0)
      member.tail.look_again();
    if (fresh.empty()) return true;
    auto& columns = member.edit().columns;
    columns.insert(columns.end(), fresh.begin(), fresh.end());
    std::sort(columns.begin(), columns.end());
    ++version_, ++generation_;
  }
  return true;
}

// A host's late row says that its agent watched then: what a container's counters said behind it
// for the first time did not all come after the row before (reading_before_first()).
void Head::mark_first_rates(std::string const& host, WallTime tick, Nanoseconds step) {
  if (tick_ns(tick) >= mark_before_[static_cast<std::size_t>(Tier::minute_instances)]) return;
  WallTime const reach = tick + late_reach * step;
  members_.visit_containers(host, [&](Member const& member) {
    WallTime const first = member.info->first_tick;
    if (tick < first && first <= reach)
      mark_dirty(Tier::minute_instances, member.info->id, tick_ns(first), tick_ns(reach));
  });
}

void Head::apply(Batch const& batch, std::vector<EntityId>& ids) {
  auto& known = slots_[batch.stream];
  resolve(batch, known);
  auto& slots = known.members;
  if (known.schemas != batch.schemas) {  // it has the same for hours
    known.schemas = batch.schemas;
    known.shapes.clear();
    for (Schema const& schema : batch.schemas) known.shapes.push_back(shape(schema));
  }
  auto const& shapes = known.shapes;
  ids.assign(batch.rows.size(), absent_entity);
  auto slot = slots.begin();
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    Row const& row = batch.rows[i];
    while (slot != slots.end() && slot->first < row.slot) ++slot;
    // Another thread made the cells, and a thousand other rows were here since these entities':
    // what the next rows need is asked for.
    if (i + 1 < batch.rows.size()) expect(batch.rows[i + 1].cells);
    auto const left = slots.end() - slot;
    if (left > 4 && slot[4].second != nullptr) expect(*slot[4].second);
    if (left > 2 && slot[2].second != nullptr) slot[2].second->tail.expect_row();
    bool const whole = slot != slots.end() && slot->first == row.slot &&
                       row.schema < batch.schemas.size() &&
                       row.cells.size() == batch.schemas[row.schema].metrics.size();
    if (!whole) continue;
    if (slot->second == nullptr) {
      auto const place = static_cast<std::size_t>(slot - slots.begin());
      slot->second = &member(batch.entities[place].entity, false);
      relabel(*slot->second, batch.entities[place].entity);
    }
    if (add(*slot->second, batch.tick, batch.step, shapes[row.schema], row.cells)) {
      ids[i] = slot->second->info->id;
      ++applied_rows_;
      EntityKey const& key = slot->second->info->entity.key;
      if (key.kind == EntityKind::host) mark_first_rates(key.host, batch.tick, batch.step);
    } else {
      ++duplicate_rows_;
    }
  }
}

EntityId Head::put(EntityKey const& key, Labels const& labels, WallTime tick, Nanoseconds step,
                   Schema const& schema, Cells const& cells) {
  Member* const known = members_.find(key);
  Member& found = known != nullptr ? *known : member(Entity{key, labels}, true);
  if (found.info->entity.labels != labels) {
    found.edit().entity.labels = labels;
    ++version_, ++generation_;
  }
  found.derived = true;
  add(found, tick, step, shape(schema), cells);
  return found.info->id;
}

bool Head::changes(EntityId& last, std::size_t limit, TickNs until, CatalogueChange& change,
                   std::vector<EntityId>& spilling) {
  auto at = members_.by_id().upper_bound(last);
  for (; at != members_.by_id().end() && limit > 0; ++at, --limit) {
    Member& member = *at->second;
    last = at->first;
    if (member.changed)
      change.entities.push_back({member.known(), member.derived, member.was_dead});
    member.changed = member.was_dead = false;
    if (member.tail.has_until(until)) spilling.push_back(at->first);
  }
  change.next_entity = next_id_;
  return at != members_.by_id().end();
}

std::vector<PackedBlock> Head::freeze(EntityId id, TickNs until) {
  Member* const found = members_.find(id);
  return found == nullptr ? std::vector<PackedBlock>{} : found->tail.freeze(until, packing_);
}

void Head::release(EntityId id, std::span<PackedBlock const> blocks) {
  Member* const found = members_.find(id);
  if (found == nullptr) return;
  auto const before = found->tail.rows();
  found->tail.release(blocks);
  rows_ -= before - found->tail.rows();
}

std::vector<CatalogueEntity> Head::known(std::span<EntityId const> ids) const {
  std::vector<CatalogueEntity> all;
  for (EntityId const id : ids)
    if (Member const* const found = members_.find(id))
      all.push_back({found->known(), found->derived, found->was_dead});
  return all;
}

EntityInfo Head::extend(EntityInfo const& with) {
  Member& found = member(with.entity, false);
  EntityInfo const before = found.known();
  EntityInfo info = before;
  if (foreign_labels_follow(info.entity.labels, with.entity.labels))
    info.entity.labels = with.entity.labels;
  info.first_tick = std::min(info.first_tick, with.first_tick);
  info.last_tick = std::max(info.last_tick, with.last_tick);
  if (info.step == Nanoseconds::zero()) info.step = with.step;
  info.columns.clear();
  std::ranges::set_union(before.columns, with.columns, std::back_inserter(info.columns));
  if (info.entity.labels == before.entity.labels && info.columns == before.columns &&
      info.first_tick == before.first_tick && info.last_tick == before.last_tick)
    return info;
  found.last_tick = info.last_tick;
  found.edit() = info;
  found.changed = true;
  ++version_, ++generation_;
  return info;
}

void Head::hide_columns(EntityId id, std::span<std::pair<MetricId, TickNs> const> columns) {
  Member* const found = members_.find(id);
  if (found == nullptr || columns.empty()) return;
  for (auto const& [column, until] : columns) {
    if (until >= tick_ns(found->last_tick)) std::erase(found->edit().columns, column);
    hidden_columns_[{id, column}] = until;
  }
  found->tail.look_again();
  found->changed = true;
  ++version_, ++generation_;
}

bool Head::is_hidden(EntityId id, MetricId column, TickNs tick) const {
  if (hidden_columns_.empty()) return false;
  auto const found = hidden_columns_.find({id, column});
  return found != hidden_columns_.end() && tick <= found->second;
}

void Head::hide(EntityId id, TickNs until) {
  if (Member* const found = members_.find(id)) found->hidden_until = until;
  ++version_, ++generation_;
}

void Head::unsaved(CatalogueChange const& change) {
  for (auto const& entity : change.entities)
    if (Member* const found = members_.find(entity.info.id)) {
      found->changed = true;
      found->was_dead = entity.was_dead;
    }
}

std::vector<EntityId> Head::expire(std::function<WallTime(EntityKind)> const& cutoff_of) {
  std::vector<EntityId> gone;
  for (auto const& [id, member] : members_.by_id()) {
    WallTime const cutoff = cutoff_of(member->info->entity.key.kind);
    if (member->last_tick < cutoff && member->tail.empty()) {
      gone.push_back(id);
    } else if (member->info->first_tick < cutoff && !member->tail.has_until(tick_ns(cutoff))) {
      member->edit().first_tick = cutoff;
      member->changed = true;
      ++version_;
    }
  }
  if (gone.empty()) return gone;
  slots_.clear();  // holds pointers
  for (EntityId const id : gone) {
    members_.erase(id);
    std::erase_if(hidden_columns_, [id](auto const& each) { return each.first.first == id; });
  }
  ++version_, ++generation_;
  return gone;
}

std::vector<EntityKey> Head::unknown(Batch const& batch, std::int64_t latest_start) const {
  std::vector<EntityKey> keys;
  auto const known = slots_.find(batch.stream);
  if (known != slots_.end() && known->second.of.is(batch.entities)) return keys;
  for (auto const& [slot, entity] : batch.entities)
    if (entity.key.kind == EntityKind::container && entity.key.start_ns <= latest_start &&
        members_.find(entity.key) == nullptr)
      keys.push_back(entity.key);
  return keys;
}

std::optional<LateHost> Head::late_host(Batch const& batch) const {
  if (tick_ns(batch.tick) >= mark_before_[static_cast<std::size_t>(Tier::minute_instances)])
    return std::nullopt;
  for (auto const& [slot, entity] : batch.entities)
    if (entity.key.kind == EntityKind::host)
      return LateHost{entity.key.host, tick_ns(batch.tick + late_reach * batch.step)};
  return std::nullopt;
}

bool Head::idle(EntityId& last, std::size_t limit, WallTime cutoff,
                std::vector<CatalogueEntity>& found) const {
  auto at = members_.by_id().upper_bound(last);
  for (; at != members_.by_id().end() && limit > 0; ++at, --limit) {
    Member const& member = *at->second;
    last = at->first;
    if (member.info->entity.key.kind == EntityKind::container && member.last_tick < cutoff &&
        member.tail.empty())
      found.push_back({member.known(), member.derived, member.was_dead});
  }
  return at != members_.by_id().end();
}

std::vector<EntityId> Head::bury(std::span<CatalogueEntity const> entities) {
  std::vector<EntityId> buried;
  std::set<std::string> hosts;
  for (CatalogueEntity const& each : entities) {
    Member* const found = members_.find(each.info.id);
    if (found == nullptr) continue;
    if (!found->tail.empty() || found->last_tick != each.info.last_tick) {
      found->changed = found->was_dead = true;
      continue;
    }
    hosts.insert(each.info.entity.key.host);
    members_.erase(each.info.id);
    buried.push_back(each.info.id);
  }
  std::erase_if(slots_, [&](auto const& entry) {
    return entry.second.foreign_hosts || hosts.contains(entry.first.agent);
  });
  if (!buried.empty()) ++version_, ++generation_;
  return buried;
}

bool Head::has_until(TickNs until) const {
  return std::any_of(members_.by_id().begin(), members_.by_id().end(),
                     [&](auto const& entry) { return entry.second->tail.has_until(until); });
}

}  // namespace dadvisor::aggregator::store
