#include "aggregator/series/foreign_index.hpp"

#include <algorithm>
#include <mutex>

#include "aggregator/series/entity_changes.hpp"
#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/node_matching.hpp"
#include "common/core/foreign.hpp"
#include "graphite-bridge/carbon/point_path.hpp"

namespace dadvisor::aggregator::series {
namespace {

bool has_place(Entity const& entity) {
  return entity.key.kind == EntityKind::foreign && !entity.key.container_id.starts_with(';');
}

Error too_many(std::size_t limit, char const* what) {
  return Error{Errc::too_large, 0, "more than " + std::to_string(limit) + " " + what + " match"};
}

}  // namespace

// One walk down the tree along a pattern.
class ForeignIndex::Walk {
 public:
  Walk(ForeignIndex const& index, graphite::PathPattern const& pattern, std::size_t limit,
       bool branches)
      : index_(index), pattern_(pattern.nodes()), limit_(limit), branches_(branches) {}

  void visit(Node const& node, std::size_t level) {
    bool const last = level + 1 == pattern_.size();
    if (last)
      for (store::EntityId const id : node.entities) leaves(index_.info(id));
    matching(node.children, pattern_[level], [&](std::string const& name, auto const& child) {
      std::size_t const length = path_.size();
      if (!path_.empty()) path_ += '.';
      path_ += name;
      if (!last)
        visit(*child, level + 1);
      else if (branches_ && room())
        nodes.push_back({path_, false});
      path_.resize(length);
    });
  }

  std::vector<graphite::FoundNode> nodes;
  std::vector<MatchedLeaf> matched;
  bool full = false;

 private:
  bool room() {
    full = full || nodes.size() + matched.size() >= limit_;
    return !full;
  }
  void leaves(store::EntityInfo const& info) {
    std::shared_ptr<Members> members;
    std::uint32_t place = 0;
    for (auto const name : foreign_leaf_names(info.entity)) {
      std::uint32_t const its = place++;
      if (!pattern_.back().matches(name)) continue;
      if (!room()) return;
      auto path = graphite::join_path(info.entity.key.container_id, name);
      if (branches_) {
        nodes.push_back({std::move(path), true});
        continue;
      }
      if (!members) {
        members = std::make_shared<Members>();
        members->path = info.entity.key.container_id;
        members->entities.push_back(info);
      }
      matched.push_back(
          {std::move(path), members, Leaf{nullptr, View::foreign, RollupPart::raw, its}});
    }
  }

  ForeignIndex const& index_;
  std::vector<graphite::NodePattern> const& pattern_;
  std::size_t const limit_;
  bool const branches_;
  std::string path_;
};

void ForeignIndex::follow(std::shared_ptr<store::EntityList const> const& list) {
  {
    std::shared_lock const lock(mutex_);
    if (list == list_) return;
  }
  std::unique_lock const lock(mutex_);
  if (list == list_) return;
  static store::EntityList const nothing;
  visit_changes(
      list_ ? *list_ : nothing, *list, [this](store::EntityInfo const& one) { remove(one); },
      [this](store::EntityInfo const& one) { add(one); });
  list_ = list;
}

void ForeignIndex::add(store::EntityInfo const& info) {
  if (!has_place(info.entity)) return;
  Node* node = &root_;
  for (std::string const& name : entity_path(info.entity, {})) {
    auto& child = node->children[name];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  node->entities.insert(std::ranges::upper_bound(node->entities, info.id), info.id);
}

void ForeignIndex::remove(store::EntityInfo const& info) {
  if (!has_place(info.entity)) return;
  auto const names = entity_path(info.entity, {});
  std::vector<Node*> way{&root_};
  for (std::string const& name : names) {
    auto const child = way.back()->children.find(name);
    if (child == way.back()->children.end()) return;
    way.push_back(child->second.get());
  }
  std::erase(way.back()->entities, info.id);
  for (std::size_t i = names.size(); i > 0; --i) {
    Node const& node = *way[i];
    if (!node.entities.empty() || !node.children.empty()) break;
    way[i - 1]->children.erase(names[i - 1]);
  }
}

store::EntityInfo const& ForeignIndex::info(store::EntityId id) const {
  return *std::ranges::lower_bound(*list_, id, {}, &store::EntityInfo::id);
}

Result<std::vector<MatchedLeaf>> ForeignIndex::leaves(graphite::PathPattern const& pattern,
                                                      std::size_t limit) const {
  Walk walk(*this, pattern, limit, false);
  {
    std::shared_lock const lock(mutex_);
    walk.visit(root_, 0);
  }
  if (walk.full) return too_many(limit, "series");
  return std::move(walk.matched);
}

Result<std::vector<graphite::FoundNode>> ForeignIndex::nodes(graphite::PathPattern const& pattern,
                                                             std::size_t limit) const {
  Walk walk(*this, pattern, limit, true);
  {
    std::shared_lock const lock(mutex_);
    walk.visit(root_, 0);
  }
  if (walk.full) return too_many(limit, "names");
  return std::move(walk.nodes);
}

std::vector<MembersPtr> ForeignIndex::parents(graphite::PathPattern const& pattern) const {
  std::vector<MembersPtr> found;
  std::string path;
  auto const visit = [&](auto const& self, Node const& node, std::size_t level) -> void {
    if (level < pattern.nodes().size()) {
      matching(node.children, pattern.nodes()[level],
               [&](std::string const& name, auto const& child) {
                 std::size_t const length = path.size();
                 path += (path.empty() ? "" : ".") + name;
                 self(self, *child, level + 1);
                 path.resize(length);
               });
      return;
    }
    if (node.entities.empty()) return;
    auto members = std::make_shared<Members>();
    members->path = path;
    std::vector<Entity const*> entities;
    for (store::EntityId const id : node.entities) members->entities.push_back(info(id));
    for (store::EntityInfo const& one : members->entities) entities.push_back(&one.entity);
    members->leaves = foreign_leaves_of(entities);
    found.push_back(std::move(members));
  };
  std::shared_lock const lock(mutex_);
  visit(visit, root_, 0);
  return found;
}

Result<void> ForeignIndex::append_paths(std::vector<std::string>& paths, std::size_t limit) const {
  std::shared_lock const lock(mutex_);
  if (!list_) return {};
  for (store::EntityInfo const& one : *list_) {
    if (!has_place(one.entity)) continue;
    for (auto const name : foreign_leaf_names(one.entity))
      paths.push_back(graphite::join_path(one.entity.key.container_id, name));
    if (paths.size() > limit) return too_many(limit, "series");
  }
  return {};
}

}  // namespace dadvisor::aggregator::series
