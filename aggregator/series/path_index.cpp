#include "aggregator/series/path_index.hpp"

#include <algorithm>
#include <mutex>

#include "aggregator/rollup/entity_directory.hpp"
#include "aggregator/series/entity_changes.hpp"
#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/node_matching.hpp"

namespace dadvisor::aggregator::series {
namespace {

std::string join(std::vector<std::string> const& nodes) {
  std::string path;
  for (std::string const& node : nodes) {
    if (!path.empty()) path += '.';
    path += node;
  }
  return path;
}

// Whether two entries of the store's lists stand at the same place and have the same leaves.
bool older(store::EntityInfo const& a, store::EntityInfo const& b) {
  return std::pair(a.entity.key.start_ns, a.id) < std::pair(b.entity.key.start_ns, b.id);
}

}  // namespace

// One walk down the tree along a pattern, which ends at nodes (find) or leaves (fetch).
class PathIndex::Walk {
 public:
  enum class Of { nodes, leaves };
  Walk(Of what, graphite::PathPattern const& pattern, std::size_t limit)
      : what_(what), pattern_(pattern.nodes()), limit_(limit) {}

  void entities(Node const& node, std::size_t level) {
    if (level == pattern_.size()) return found(true, nullptr, Leaf{});
    if (node.members) leaves(node.members, node.members->leaves->root, level);
    matching(node.children, pattern_[level], [&](std::string const& name, auto const& child) {
      std::size_t const length = descend(name);
      entities(*child, level + 1);
      path_.resize(length);
    });
  }

  std::vector<graphite::FoundNode> nodes;
  std::vector<MatchedLeaf> matched;
  bool too_many = false;

 private:
  void leaves(MembersPtr const& members, LeafNode const& node, std::size_t level) {
    if (level == pattern_.size()) {
      if (!node.children.empty()) found(true, nullptr, Leaf{});
      if (node.is_leaf) found(false, members, node.leaf);
      return;
    }
    matching(node.children, pattern_[level], [&](std::string const& name, LeafNode const& child) {
      std::size_t const length = descend(name);
      leaves(members, child, level + 1);
      path_.resize(length);
    });
  }
  std::size_t descend(std::string const& name) {
    std::size_t const length = path_.size();
    if (!path_.empty()) path_ += '.';
    path_ += name;
    return length;
  }
  void found(bool branch, MembersPtr const& members, Leaf const& leaf) {
    if (branch && what_ == Of::leaves) return;
    if (nodes.size() + matched.size() >= limit_) {
      too_many = true;
      return;
    }
    if (what_ == Of::nodes)
      nodes.push_back({path_, !branch});
    else
      matched.push_back({path_, members, leaf});
  }

  Of const what_;
  std::vector<graphite::NodePattern> const& pattern_;
  std::size_t const limit_;
  std::string path_;
};

void PathIndex::follow(std::shared_ptr<store::EntityList const> const& list) {
  {
    std::shared_lock const lock(mutex_);
    if (list == list_) return;
  }
  std::unique_lock const lock(mutex_);
  if (list == list_) return;
  static store::EntityList const nothing;
  visit_changes(
      list_ ? *list_ : nothing, *list, [this](store::EntityInfo const& info) { remove(info); },
      [this](store::EntityInfo const& info) { add(info); });
  std::erase_if(leaf_sets_, [](auto const& entry) { return entry.second.expired(); });
  list_ = list;
}

void PathIndex::add(store::EntityInfo const& info) {
  if (info.entity.key.kind == EntityKind::foreign) return;  // ForeignIndex has those
  auto const nodes = entity_path(info.entity, prefix_);
  Node* node = &root_;
  for (std::string const& name : nodes) {
    auto& child = node->children[name];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  std::vector<store::EntityInfo> entities;
  if (node->members) entities = node->members->entities;
  entities.insert(std::ranges::upper_bound(entities, info, older), info);
  replace(*node, std::move(entities), join(nodes));
  if (info.entity.key.kind == EntityKind::host) hosts_[info.entity.key.host] = info.id;
}

void PathIndex::remove(store::EntityInfo const& info) {
  if (info.entity.key.kind == EntityKind::foreign) return;
  auto const nodes = entity_path(info.entity, prefix_);
  std::vector<Node*> way{&root_};
  for (std::string const& name : nodes) {
    auto const child = way.back()->children.find(name);
    if (child == way.back()->children.end()) return;
    way.push_back(child->second.get());
  }
  Node& last = *way.back();
  if (!last.members) return;
  std::vector<store::EntityInfo> entities = last.members->entities;
  std::erase_if(entities, [&](store::EntityInfo const& one) { return one.id == info.id; });
  replace(last, std::move(entities), last.members->path);
  for (std::size_t i = nodes.size(); i > 0; --i) {
    Node const& node = *way[i];
    if (node.members || !node.children.empty()) break;
    way[i - 1]->children.erase(nodes[i - 1]);
  }
  auto const host = hosts_.find(info.entity.key.host);
  if (host != hosts_.end() && host->second == info.id) hosts_.erase(host);
}

void PathIndex::replace(Node& node, std::vector<store::EntityInfo> entities, std::string path) {
  if (entities.empty()) {
    node.members.reset();
    return;
  }
  auto members = std::make_shared<Members>();
  members->path = std::move(path);
  members->leaves = shared_leaves(entities);
  members->entities = std::move(entities);
  node.members = std::move(members);
}

std::shared_ptr<LeafSet const> PathIndex::shared_leaves(
    std::vector<store::EntityInfo> const& entities) {
  std::vector<MetricId> columns;
  for (store::EntityInfo const& info : entities) {
    std::vector<MetricId> both;
    std::ranges::set_union(columns, info.columns, std::back_inserter(both));
    columns = std::move(both);
  }
  EntityKind const kind = entities.back().entity.key.kind;
  auto& known = leaf_sets_[{kind, columns}];
  auto set = known.lock();
  if (!set) {
    set = leaves_of(kind, columns);
    known = set;
  }
  return set;
}

Result<std::vector<MatchedLeaf>> PathIndex::leaves(graphite::PathPattern const& pattern,
                                                   std::size_t limit) const {
  Walk walk(Walk::Of::leaves, pattern, limit);
  {
    std::shared_lock const lock(mutex_);
    walk.entities(root_, 0);
  }
  if (walk.too_many)
    return Error{Errc::too_large, 0, "more than " + std::to_string(limit) + " series match"};
  if (!std::ranges::is_sorted(walk.matched, {}, &MatchedLeaf::path))
    std::ranges::sort(walk.matched, {}, &MatchedLeaf::path);
  return std::move(walk.matched);
}

Result<std::vector<graphite::FoundNode>> PathIndex::nodes(graphite::PathPattern const& pattern,
                                                          std::size_t limit) const {
  Walk walk(Walk::Of::nodes, pattern, limit);
  {
    std::shared_lock const lock(mutex_);
    walk.entities(root_, 0);
  }
  if (walk.too_many)
    return Error{Errc::too_large, 0, "more than " + std::to_string(limit) + " names match"};
  auto const before = [](graphite::FoundNode const& a, graphite::FoundNode const& b) {
    return std::tie(a.path, a.leaf) < std::tie(b.path, b.leaf);
  };
  // A walk in the tree's order is sorted but for names with a byte below the dot, like "-".
  if (!std::ranges::is_sorted(walk.nodes, before)) std::ranges::sort(walk.nodes, before);
  return std::move(walk.nodes);
}

MembersPtr PathIndex::at_or_above(std::string_view path) const {
  std::shared_lock const lock(mutex_);
  Node const* node = &root_;
  for (std::string_view const name : graphite::split_nodes(path)) {
    auto const child = node->children.find(name);
    if (child == node->children.end()) break;
    node = child->second.get();
  }
  return node->members;
}

std::vector<MembersPtr> PathIndex::all(std::function<bool(EntityKind)> const& wanted) const {
  std::vector<MembersPtr> found;
  std::shared_lock const lock(mutex_);
  std::vector<Node const*> left{&root_};
  while (!left.empty()) {
    Node const& node = *left.back();
    left.pop_back();
    if (node.members && wanted(node.members->entities.back().entity.key.kind))
      found.push_back(node.members);
    for (auto const& [name, child] : node.children) left.push_back(child.get());
  }
  return found;
}

std::vector<store::EntityInfo> PathIndex::instances(EntityKey const& rolled_up) const {
  std::vector<store::EntityInfo> found;
  bool const total = rolled_up.kind == EntityKind::total;
  auto nodes = entity_path({rolled_up, {}}, prefix_);
  // PREFIX.CLUSTER.apps.APP has its instances below PREFIX.CLUSTER.instances.APP; PREFIX.CLUSTER
  // .total has all below PREFIX.CLUSTER.instances.
  nodes[nodes.size() - (total ? 1 : 2)] = "instances";
  std::shared_lock const lock(mutex_);
  Node const* node = &root_;
  for (std::string const& name : nodes) {
    auto const child = node->children.find(name);
    if (child == node->children.end()) return found;
    node = child->second.get();
  }
  auto const take = [&](Node const& app) {
    for (auto const& [name, child] : app.children) {
      if (!child->members) continue;
      for (store::EntityInfo const& info : child->members->entities) {
        EntityKey const key = rollup::app_key(info.entity);
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
  std::shared_lock const lock(mutex_);
  auto const found = hosts_.find(agent);
  return found == hosts_.end() ? store::absent_entity : found->second;
}

}  // namespace dadvisor::aggregator::series
