#include "aggregator/series/path_index.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "aggregator/rollup/entity_directory.hpp"
#include "aggregator/series/entity_path.hpp"

namespace dadvisor::aggregator::series {
namespace {

bool older(store::EntityPtr const& a, store::EntityPtr const& b) {
  return std::pair(a->entity.key.start_ns, a->id) < std::pair(b->entity.key.start_ns, b->id);
}

}  // namespace

void PathIndex::changed() {
  matches_.clear();
  std::lock_guard const sets(sets_mutex_);
  std::erase_if(leaf_sets_, [](auto const& entry) { return entry.second.expired(); });
}

void PathIndex::add(store::EntityPtr const& info) {
  EntityKey const& key = info->entity.key;
  if (key.kind == EntityKind::foreign) return;  // ForeignIndex has those
  auto const names = entity_path(info->entity, prefix_);
  Place& place = make_node(root_, names).value;
  store::EntityList entities;
  if (place.members) entities = place.members->entities;
  auto& pointers = entities.pointers();
  pointers.insert(std::ranges::upper_bound(pointers, info, older), info);
  replace(place, std::move(entities), joined_path(names));
  if (key.kind == EntityKind::host) hosts_[key.host] = info->id;
}

void PathIndex::remove(store::EntityInfo const& info) {
  if (info.entity.key.kind == EntityKind::foreign) return;
  change_node(root_, entity_path(info.entity, prefix_), [&](Place& place) {
    if (place.empty()) return;
    store::EntityList entities = place.members->entities;
    std::erase_if(entities.pointers(), [&](auto const& one) { return one->id == info.id; });
    replace(place, std::move(entities), place.members->path);
  });
  auto const host = hosts_.find(info.entity.key.host);
  if (host != hosts_.end() && host->second == info.id) hosts_.erase(host);
}

void PathIndex::replace(Place& place, store::EntityList entities, std::string path) {
  if (entities.empty()) {
    place.members.reset();
    return;
  }
  auto members = std::make_shared<Members>();
  members->path = std::move(path);
  members->leaves = shared_leaves(entities);
  members->entities = std::move(entities);
  place.members = std::move(members);
}

std::shared_ptr<LeafSet const> PathIndex::shared_leaves(store::EntityList const& entities) const {
  std::vector<MetricId> columns;
  for (store::EntityInfo const& info : entities) {
    std::vector<MetricId> both;
    std::ranges::set_union(columns, info.columns, std::back_inserter(both));
    columns = std::move(both);
  }
  EntityKind const kind = entities.back().entity.key.kind;
  std::lock_guard const lock(sets_mutex_);
  auto& known = leaf_sets_[{kind, columns}];
  auto set = known.lock();
  if (!set) {
    set = leaves_of(kind, columns);
    known = set;
  }
  return set;
}

namespace {

// Down the leaves below an entity's path.
template <typename Found>
void walk_leaves(PatternWalk& walk, LeafNode const& node, std::size_t level, Found const& found) {
  if (walk.ends(level)) {
    if (!node.children.empty()) walk.branch();
    if (node.is_leaf) found(node.leaf);
    return;
  }
  walk.each(node.children, level,
            [&](LeafNode const& child) { walk_leaves(walk, child, level + 1, found); });
}

}  // namespace

namespace {

void sort_by_path(std::vector<MatchedLeaf>& leaves) {
  std::vector<std::pair<std::string, std::size_t>> order;
  for (std::size_t i = 0; i < leaves.size(); ++i) order.emplace_back(leaves[i].path(), i);
  std::ranges::sort(order);
  std::vector<MatchedLeaf> sorted;
  for (auto const& [path, i] : order) sorted.push_back(std::move(leaves[i]));
  leaves = std::move(sorted);
}

}  // namespace

Result<MatchedLeaves> PathIndex::leaves(graphite::PathPattern const& pattern, std::size_t limit,
                                        graphite::QueryBudget* budget) const {
  graphite::QueryBudget::Undivided const undivided(budget);
  auto const lock = share();
  if (auto known = matches_.find(pattern.text())) {
    if (known->size() > limit) return too_many(limit, "series");
    return known;
  }
  auto matched = std::make_shared<std::vector<MatchedLeaf>>();
  PatternWalk walk(PatternWalk::Of::leaves, pattern, limit, budget);
  walk.down(root_, [&](Place const& place, std::size_t level) {
    walk_leaves(walk, place.members->leaves->root, level, [&](Leaf const& leaf) {
      if (walk.room()) matched->emplace_back(place.members, leaf);
    });
  });
  if (walk.too_many()) return too_many(limit, "series");
  if (auto const whole = graphite::go_on(budget); !whole) return whole.error();
  if (!walk.sorted()) sort_by_path(*matched);
  matches_.keep(pattern.text(), matched);
  return MatchedLeaves(std::move(matched));
}

MembersPtr PathIndex::joined(MembersPtr const& living, std::string const& path,
                             store::EntityList const& dead) const {
  auto made = std::make_shared<Members>();
  made->path = path;
  made->entities = dead;
  auto& pointers = made->entities.pointers();
  if (living)
    for (store::EntityPtr const& info : living->entities.pointers()) {
      // It left memory meanwhile, and is the same.
      std::erase_if(pointers, [&](store::EntityPtr const& one) { return one->id == info->id; });
      pointers.insert(std::ranges::upper_bound(pointers, info, older), info);
    }
  made->leaves = shared_leaves(made->entities);
  return made;
}

Result<MatchedLeaves> PathIndex::with_dead(graphite::PathPattern const& pattern,
                                           MatchedLeaves const& living,
                                           DeadIndex::Found const& dead, std::size_t limit,
                                           graphite::QueryBudget* budget) const {
  auto all = std::make_shared<std::vector<MatchedLeaf>>();
  for (MatchedLeaf const& leaf : *living)
    if (!dead.contains(leaf.members->path)) all->push_back(leaf);
  PatternWalk walk(PatternWalk::Of::leaves, pattern, limit - std::min(limit, all->size()), budget);
  {
    graphite::QueryBudget::Undivided const undivided(budget);
    auto const lock = share();
    for (auto const& [path, entities] : dead) {
      auto const nodes = graphite::split_nodes(path);
      Node const* const node = find_node(root_, nodes);
      auto const members = joined(node ? node->value.members : nullptr, path, entities);
      walk_leaves(walk, members->leaves->root, nodes.size(), [&](Leaf const& leaf) {
        if (walk.room()) all->emplace_back(members, leaf);
      });
    }
  }
  if (walk.too_many()) return too_many(limit, "series");
  if (auto const whole = graphite::go_on(budget); !whole) return whole.error();
  sort_by_path(*all);
  return MatchedLeaves(std::move(all));
}

Result<std::vector<graphite::FoundNode>> PathIndex::nodes(graphite::PathPattern const& pattern,
                                                          std::size_t limit,
                                                          graphite::QueryBudget* budget) const {
  PatternWalk walk(PatternWalk::Of::nodes, pattern, limit, budget);
  {
    graphite::QueryBudget::Undivided const undivided(budget);
    auto const lock = share();
    walk.down(root_, [&](Place const& place, std::size_t level) {
      walk_leaves(walk, place.members->leaves->root, level, [&](Leaf const&) { walk.leaf(); });
    });
  }
  if (walk.too_many()) return too_many(limit, "names");
  if (auto const whole = graphite::go_on(budget); !whole) return whole.error();
  auto nodes = walk.take_nodes();
  if (!walk.sorted())
    std::ranges::sort(nodes, [](graphite::FoundNode const& a, graphite::FoundNode const& b) {
      return std::tie(a.path, a.leaf) < std::tie(b.path, b.leaf);
    });
  return nodes;
}

MembersPtr PathIndex::joined(std::string const& path, store::EntityList const& dead) const {
  auto const lock = share();
  Node const* const node = find_node(root_, graphite::split_nodes(path));
  return joined(node ? node->value.members : nullptr, path, dead);
}

MembersPtr PathIndex::at_or_above(std::string_view path) const {
  auto const lock = share();
  Node const* node = &root_;
  for (std::string_view const name : graphite::split_nodes(path)) {
    auto const child = node->children.find(name);
    if (child == node->children.end()) break;
    node = child->second.get();
  }
  return node->value.members;
}

std::vector<MembersPtr> PathIndex::all(std::function<bool(EntityKind)> const& wanted) const {
  std::vector<MembersPtr> found;
  auto const lock = share();
  std::vector<Node const*> left{&root_};
  while (!left.empty()) {
    Node const& node = *left.back();
    left.pop_back();
    if (auto const& members = node.value.members;
        members && wanted(members->entities.back().entity.key.kind))
      found.push_back(members);
    for (auto const& [name, child] : node.children) left.push_back(child.get());
  }
  return found;
}

store::EntityList PathIndex::instances(EntityKey const& rolled_up) const {
  store::EntityList found;
  bool const total = rolled_up.kind == EntityKind::total;
  auto nodes = entity_path({rolled_up, {}}, prefix_);
  // PREFIX.CLUSTER.apps.APP has its instances below PREFIX.CLUSTER.instances.APP; PREFIX.CLUSTER
  // .total has all below PREFIX.CLUSTER.instances.
  nodes[nodes.size() - (total ? 1 : 2)] = "instances";
  auto const lock = share();
  Node const* const node = find_node(root_, nodes);
  if (node == nullptr) return found;
  auto const take = [&](Node const& app) {
    for (auto const& [name, child] : app.children) {
      if (child->value.empty()) continue;
      for (store::EntityPtr const& info : child->value.members->entities.pointers()) {
        EntityKey const key = rollup::app_key(info->entity);
        if (total ? key.host == rolled_up.host : key == rolled_up) found.push_back(info);
      }
    }
  };
  if (!total)
    take(*node);
  else
    for (auto const& [name, app] : node->children) take(*app);
  return found;
}

store::EntityId PathIndex::host(std::string const& agent) const {
  auto const lock = share();
  auto const found = hosts_.find(agent);
  return found == hosts_.end() ? store::absent_entity : found->second;
}

}  // namespace dadvisor::aggregator::series
