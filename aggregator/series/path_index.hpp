#pragma once
// All paths of the entities of a store: a tree of names down to the entities, below which all of
// one shape share one tree of leaves. It follows the store's list by what differs, so that a
// container more among 100,000 costs one path; and it keeps what the last patterns matched, which
// the panels of a dashboard ask again and again. Any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/series/dead_index.hpp"
#include "aggregator/series/entity_index.hpp"
#include "aggregator/series/known_matches.hpp"
#include "aggregator/series/leaf.hpp"
#include "aggregator/series/leaf_entity.hpp"
#include "aggregator/series/name_tree.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/result.hpp"
#include "graphite-bridge/glob.hpp"

namespace dadvisor::aggregator::series {

// The entities that answer to one path: by start ascending, so that the newest is the last.
struct Members {
  std::string path;
  store::EntityList entities;
  std::shared_ptr<LeafSet const> leaves;  // of all of them together

  Nanoseconds step() const { return entities.back().step; }
};
using MembersPtr = std::shared_ptr<Members const>;

// A leaf that a pattern matched.
struct MatchedLeaf {
  MatchedLeaf() = default;
  MatchedLeaf(MembersPtr its_members, Leaf its_leaf, std::string path = {})
      : members(std::move(its_members)),
        newest(members->entities.back()),
        alone(members->entities.size() == 1),
        leaf(its_leaf),
        own_path(std::move(path)) {}

  MembersPtr members;
  LeafEntity newest;   // of the members; beside each other for who reads thousands
  bool alone = false;  // there are no others
  Leaf leaf;
  std::string own_path;  // of a foreign or a tagged one

  std::string path() const {
    return own_path.empty() ? members->path + "." + leaf.name() : own_path;
  }
};
using MatchedLeaves = std::shared_ptr<std::vector<MatchedLeaf> const>;

class PathIndex final : public EntityIndex {
 public:
  explicit PathIndex(std::string prefix) : prefix_(std::move(prefix)) {}

  // Leaves whose whole path matches, sorted by path. too_large beyond `limit`; errors of `budget`
  // too, here and below, where there is one.
  Result<MatchedLeaves> leaves(graphite::PathPattern const& pattern, std::size_t limit,
                               graphite::QueryBudget* budget = nullptr) const;
  // Nodes whose path matches, sorted by path. too_large beyond `limit`.
  Result<std::vector<graphite::FoundNode>> nodes(graphite::PathPattern const& pattern,
                                                 std::size_t limit,
                                                 graphite::QueryBudget* budget = nullptr) const;
  // What a pattern matches when these, which it may match, are there too: with those that live.
  Result<MatchedLeaves> with_dead(graphite::PathPattern const& pattern, MatchedLeaves const& living,
                                  DeadIndex::Found const& dead, std::size_t limit,
                                  graphite::QueryBudget* budget = nullptr) const;
  // These and those that live, of one path.
  MembersPtr joined(std::string const& path, store::EntityList const& dead) const;
  // The entities whose own path, or a path below it, is `path`; nullptr when there are none.
  MembersPtr at_or_above(std::string_view path) const;
  // Every path with entities of these kinds, in no certain order.
  std::vector<MembersPtr> all(std::function<bool(EntityKind)> const& wanted) const;
  // The instances of an app, or of a cluster, by its key.
  store::EntityList instances(EntityKey const& rolled_up) const;
  // The entity of a host by its agent id; absent_entity when there is none.
  store::EntityId host(std::string const& agent) const;

 private:
  struct Place {
    MembersPtr members;  // of an entity's path; its leaves stand below
    bool empty() const { return members == nullptr; }
  };
  using Node = NameNode<Place>;

  void add(store::EntityPtr const& info) override;
  void remove(store::EntityInfo const& info) override;
  void changed() override;
  void replace(Place& place, store::EntityList entities, std::string path);
  MembersPtr joined(MembersPtr const& living, std::string const& path,
                    store::EntityList const& dead) const;
  std::shared_ptr<LeafSet const> shared_leaves(store::EntityList const& entities) const;

  std::string const prefix_;
  Node root_;
  std::map<std::string, store::EntityId> hosts_;
  mutable std::mutex sets_mutex_;  // behind the index's lock
  mutable std::map<std::pair<EntityKind, std::vector<MetricId>>, std::weak_ptr<LeafSet const>>
      leaf_sets_;
  mutable KnownMatches<MatchedLeaf> matches_{100'000};  // 8 MiB
};

}  // namespace dadvisor::aggregator::series
