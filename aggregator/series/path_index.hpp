#pragma once
// All paths of the entities of a store: a tree of names down to the entities, below which all of
// one shape share one tree of leaves. It follows the store's list by what differs, so that a
// container more among 100,000 costs one path. Any thread: readers share a lock.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/series/leaf.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/result.hpp"
#include "graphite-bridge/glob.hpp"

namespace dadvisor::aggregator::series {

// The entities that answer to one path: by start ascending, so that the newest is the last.
struct Members {
  std::string path;
  std::vector<store::EntityInfo> entities;
  std::shared_ptr<LeafSet const> leaves;  // of all of them together

  Nanoseconds step() const { return entities.back().step; }
};
using MembersPtr = std::shared_ptr<Members const>;

// A leaf that a pattern matched.
struct MatchedLeaf {
  std::string path;
  MembersPtr members;
  Leaf leaf;
};

class PathIndex {
 public:
  explicit PathIndex(std::string prefix) : prefix_(std::move(prefix)) {}

  // Brings the tree to what `list` says; the same list again costs nothing.
  void follow(std::shared_ptr<store::EntityList const> const& list);

  // Leaves whose whole path matches, sorted by path. too_large beyond `limit`.
  Result<std::vector<MatchedLeaf>> leaves(graphite::PathPattern const& pattern,
                                          std::size_t limit) const;
  // Nodes whose path matches, sorted by path. too_large beyond `limit`.
  Result<std::vector<graphite::FoundNode>> nodes(graphite::PathPattern const& pattern,
                                                 std::size_t limit) const;
  // The entities whose own path, or a path below it, is `path`; nullptr when there are none.
  MembersPtr at_or_above(std::string_view path) const;
  // Every path with entities of these kinds, in no certain order.
  std::vector<MembersPtr> all(std::function<bool(EntityKind)> const& wanted) const;
  // The instances of an app, or of a cluster, by its key.
  std::vector<store::EntityInfo> instances(EntityKey const& rolled_up) const;
  // The entity of a host by its agent id; absent_entity when there is none.
  store::EntityId host(std::string const& agent) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    MembersPtr members;  // of an entity's path; its leaves stand below
  };
  class Walk;

  void add(store::EntityInfo const& info);
  void remove(store::EntityInfo const& info);
  void replace(Node& node, std::vector<store::EntityInfo> entities, std::string path);
  std::shared_ptr<LeafSet const> shared_leaves(std::vector<store::EntityInfo> const& entities);

  std::string prefix_;
  mutable std::shared_mutex mutex_;
  std::shared_ptr<store::EntityList const> list_;
  Node root_;
  std::map<std::string, store::EntityId> hosts_;
  std::map<std::pair<EntityKind, std::vector<MetricId>>, std::weak_ptr<LeafSet const>> leaf_sets_;
};

}  // namespace dadvisor::aggregator::series
