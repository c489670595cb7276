#include "aggregator/series/foreign_index.hpp"

#include <algorithm>
#include <tuple>

#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/foreign_leaves.hpp"
#include "common/core/foreign.hpp"
#include "graphite-bridge/carbon/point_path.hpp"

namespace dadvisor::aggregator::series {
namespace {

bool has_place(Entity const& entity) {
  return entity.key.kind == EntityKind::foreign && !entity.key.container_id.starts_with(';');
}

}  // namespace

void ForeignIndex::add(store::EntityPtr const& info) {
  if (!has_place(info->entity)) return;
  Entities& entities = make_node(root_, entity_path(info->entity, {})).value;
  entities.insert(std::ranges::upper_bound(entities, info->id), info->id);
}

void ForeignIndex::remove(store::EntityInfo const& info) {
  if (!has_place(info.entity)) return;
  change_node(root_, entity_path(info.entity, {}),
              [&](Entities& entities) { std::erase(entities, info.id); });
}

store::EntityPtr const& ForeignIndex::info(store::EntityId id) const {
  return *std::ranges::lower_bound(list()->pointers(), id, {},
                                   [](store::EntityPtr const& one) { return one->id; });
}

// Under the lock.
template <typename Found>
void ForeignIndex::walk(PatternWalk& walk, Found const& found) const {
  walk.down(root_, [&](Entities const& entities, std::size_t level) {
    if (!walk.ends(level + 1)) return;
    for (store::EntityId const id : entities) {
      store::EntityPtr const& its = info(id);
      if (!walk.work(foreign_leaves * (2 + walk.pattern(level).cost()))) return;
      each_foreign_leaf(*its, [&](std::string_view name, std::uint32_t place) {
        if (walk.pattern(level).matches(name)) found(its, name, place);
      });
    }
  });
}

Result<std::vector<MatchedLeaf>> ForeignIndex::leaves(graphite::PathPattern const& pattern,
                                                      std::size_t limit,
                                                      graphite::QueryBudget* budget) const {
  graphite::QueryBudget::Undivided const undivided(budget);
  auto const lock = share();
  if (auto const known = matches_.find(pattern.text())) {
    if (known->size() > limit) return too_many(limit, "series");
    return *known;
  }
  auto const made = std::make_shared<std::vector<MatchedLeaf>>();
  std::vector<MatchedLeaf>& matched = *made;
  PatternWalk way(PatternWalk::Of::leaves, pattern, limit, budget);
  std::shared_ptr<Members> members;  // of the entity at hand
  walk(way, [&](store::EntityPtr const& entity, std::string_view name, std::uint32_t place) {
    if (!way.room()) return;
    if (!members || members->entities.front().id != entity->id) {
      members = std::make_shared<Members>();
      members->path = entity->entity.key.container_id;
      members->entities.push_back(entity);
    }
    matched.push_back({members, Leaf{nullptr, View::foreign, RollupPart::raw, place},
                       graphite::join_path(members->path, name)});
  });
  if (way.too_many()) return too_many(limit, "series");
  if (auto const whole = graphite::go_on(budget); !whole) return whole.error();
  std::ranges::sort(matched, {}, &MatchedLeaf::own_path);
  matches_.keep(pattern.text(), made);
  return matched;
}

Result<std::vector<graphite::FoundNode>> ForeignIndex::nodes(graphite::PathPattern const& pattern,
                                                             std::size_t limit,
                                                             graphite::QueryBudget* budget) const {
  graphite::QueryBudget::Undivided const undivided(budget);
  auto const lock = share();
  if (auto const known = nodes_.find(pattern.text())) {
    if (known->size() > limit) return too_many(limit, "names");
    return *known;
  }
  PatternWalk way(PatternWalk::Of::nodes, pattern, limit, budget);
  walk(way, [&](store::EntityPtr const& entity, std::string_view name, std::uint32_t) {
    way.leaf(graphite::join_path(entity->entity.key.container_id, name));
  });
  if (way.too_many()) return too_many(limit, "names");
  if (auto const whole = graphite::go_on(budget); !whole) return whole.error();
  auto const made = std::make_shared<std::vector<graphite::FoundNode>>(way.take_nodes());
  std::ranges::sort(*made, {},
                    [](graphite::FoundNode const& node) { return std::tie(node.path, node.leaf); });
  nodes_.keep(pattern.text(), made);
  return *made;
}

std::vector<MembersPtr> ForeignIndex::parents(graphite::PathPattern const& pattern) const {
  std::vector<MembersPtr> found;
  std::string path;
  auto const visit = [&](auto const& self, NameNode<Entities> const& node,
                         std::size_t level) -> void {
    if (level < pattern.nodes().size()) {
      matching(node.children, pattern.nodes()[level], nullptr,
               [&](std::string const& name, auto const& child) {
                 std::size_t const length = path.size();
                 path += (path.empty() ? "" : ".") + name;
                 self(self, *child, level + 1);
                 path.resize(length);
               });
      return;
    }
    if (node.value.empty()) return;
    auto members = std::make_shared<Members>();
    members->path = path;
    for (store::EntityId const id : node.value) members->entities.push_back(info(id));
    members->leaves = foreign_leaves_of(members->entities);
    found.push_back(std::move(members));
  };
  auto const lock = share();
  visit(visit, root_, 0);
  return found;
}

Result<void> ForeignIndex::append_paths(std::vector<std::string>& paths, std::size_t limit,
                                        graphite::QueryBudget* budget) const {
  graphite::QueryBudget::Undivided const undivided(budget);
  auto const lock = share();
  if (!list()) return {};
  for (store::EntityInfo const& one : *list()) {
    if (!has_place(one.entity)) continue;
    each_foreign_leaf(one, [&](std::string_view name, std::uint32_t) {
      paths.push_back(graphite::join_path(one.entity.key.container_id, name));
    });
    if (paths.size() > limit) return too_many(limit, "series");
    if (!graphite::work(budget, 16 * foreign_leaves)) return graphite::go_on(budget);
  }
  return {};
}

}  // namespace dadvisor::aggregator::series
