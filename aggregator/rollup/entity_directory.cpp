#include "aggregator/rollup/entity_directory.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace dadvisor::aggregator::rollup {

std::string label_of(Labels const& labels, std::string_view key, std::string_view otherwise) {
  for (auto const& [name, value] : labels)
    if (name == key && !value.empty()) return std::string(value);
  return std::string(otherwise);
}

EntityKey app_key(Entity const& container) {
  return {EntityKind::app, label_of(container.labels, "cluster", "default"),
          label_of(container.labels, "app", "unknown"), 0};
}

namespace {

constexpr std::size_t most_dead = 4'000'000;  // looked through at once
constexpr std::size_t read_at_once = 1000;

}  // namespace

Result<void> visit_dead_instances(store::Store const& store, EntityKey const& rolled_up,
                                  WallTime from, WallTime until, InstanceVisitor const& visit) {
  auto const groups = store.dead_groups();
  store::DeadQuery query;
  query.from = store::tick_ns(from);
  query.until = store::tick_ns(until);
  std::size_t budget = most_dead;
  std::vector<store::EntityId> ids;
  Result<void> done;
  auto const take = [&](store::DeadGroup const& group) {
    if (!done || group.last < query.from || group.first > query.until) return;
    query.group = group.id;
    done = store.dead_names(query, budget, [&](store::DeadName const& name) {
      ids.push_back(name.id);
      return true;
    });
  };
  // As app_key() does, but the other way round: what is missing stands for itself and its name.
  std::vector<std::string_view> clusters{rolled_up.host}, apps{rolled_up.container_id};
  if (rolled_up.host == "default") clusters.emplace_back("");
  if (rolled_up.container_id == "unknown") apps.emplace_back("");
  for (auto const cluster : clusters) {
    if (rolled_up.kind == EntityKind::total) {
      for (store::DeadGroup const& group : groups->all())
        if (group.cluster == cluster) take(group);
      continue;
    }
    for (auto const app : apps)
      for (store::DeadGroup const& group : groups->of_app(cluster, app)) take(group);
  }
  for (std::size_t first = 0; done && first < ids.size(); first += read_at_once) {
    auto const last =
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(first + read_at_once, ids.size()));
    auto const some = store.dead({ids.begin() + static_cast<std::ptrdiff_t>(first), last});
    if (!some) return some.error();
    for (store::EntityInfo const& info : *some)
      if (done) done = visit(info);
  }
  return done;
}

Result<void> visit_instances(store::EntityList const& living, store::Store const& store,
                             EntityKey const& rolled_up, WallTime from, WallTime until,
                             InstanceVisitor const& visit) {
  std::set<store::EntityId> known;
  for (store::EntityInfo const& info : living) {
    known.insert(info.id);
    if (auto done = visit(info); !done) return done;
  }
  return visit_dead_instances(store, rolled_up, from, until,
                              [&](store::EntityInfo const& info) -> Result<void> {
                                return known.contains(info.id) ? Result<void>() : visit(info);
                              });
}

Result<std::shared_ptr<store::EntityList const>> entities_between(store::Store const& store,
                                                                  WallTime from, WallTime until) {
  auto const living = store.entities();
  auto const groups = store.dead_groups();
  auto const dead = store.dead(groups->all(), from, until, most_dead);
  if (!dead) return dead.error();
  if (dead->empty()) return living;
  auto both = std::make_shared<store::EntityList>();
  auto const id = [](store::EntityPtr const& info) { return info->id; };
  std::ranges::merge(living->pointers(), dead->pointers(), std::back_inserter(both->pointers()), {},
                     id, id);
  // One that left memory meanwhile is in both.
  auto const twice = std::ranges::unique(both->pointers(), {}, id);
  both->pointers().erase(twice.begin(), twice.end());
  return std::shared_ptr<store::EntityList const>(std::move(both));
}

EntityDirectory::EntityDirectory(std::shared_ptr<store::EntityList const> list)
    : list_(std::move(list)) {
  for (store::EntityPtr const& info : list_->pointers()) {
    if (info->entity.key.kind == EntityKind::container)
      instances_[app_key(info->entity)].push_back(info);
    else
      ids_[info->entity.key] = info->id;
  }
}

store::EntityInfo const* EntityDirectory::find(store::EntityId id) const {
  auto const found = std::ranges::lower_bound(*list_, id, {}, &store::EntityInfo::id);
  return found != list_->end() && found->id == id ? &*found : nullptr;
}

store::EntityId EntityDirectory::find(EntityKey const& key) const {
  auto const found = ids_.find(key);
  return found == ids_.end() ? store::absent_entity : found->second;
}

store::EntityList EntityDirectory::instances(EntityKey const& rolled_up) const {
  store::EntityList found;
  bool const total = rolled_up.kind == EntityKind::total;
  // A cluster's apps stand side by side, by name.
  auto its = instances_.lower_bound({EntityKind::app, rolled_up.host, rolled_up.container_id, 0});
  for (; its != instances_.end() && its->first.host == rolled_up.host; ++its) {
    if (!total && its->first != rolled_up) break;
    for (store::EntityPtr const& info : its->second) found.push_back(info);
  }
  return found;
}

}  // namespace dadvisor::aggregator::rollup
