#pragma once
// The paths of foreign points: a tree of names down to the parents; a parent's leaves are read off
// its entities' labels, so that a path costs no memory here. Tagged ones are in the TagIndex. Any
// thread.

#include <string>
#include <vector>

#include "aggregator/series/entity_index.hpp"
#include "aggregator/series/known_matches.hpp"
#include "aggregator/series/name_tree.hpp"
#include "aggregator/series/path_index.hpp"
#include "aggregator/store/store.hpp"
#include "graphite-bridge/glob.hpp"

namespace dadvisor::aggregator::series {

class ForeignIndex final : public EntityIndex {
 public:
  // Leaves whose whole path matches, by path. too_large beyond `limit`; errors
  // of `budget` too, here and below, where there is one.
  Result<std::vector<MatchedLeaf>> leaves(graphite::PathPattern const& pattern, std::size_t limit,
                                          graphite::QueryBudget* budget = nullptr) const;
  // Nodes whose path matches, by path, leaves behind others. too_large beyond `limit`.
  Result<std::vector<graphite::FoundNode>> nodes(graphite::PathPattern const& pattern,
                                                 std::size_t limit,
                                                 graphite::QueryBudget* budget = nullptr) const;
  // The parents whose own path matches, as members of one path each, in no certain order.
  std::vector<MembersPtr> parents(graphite::PathPattern const& pattern) const;
  // Appends every path; too_large when `paths` would have more than `limit`.
  Result<void> append_paths(std::vector<std::string>& paths, std::size_t limit,
                            graphite::QueryBudget* budget = nullptr) const;

 private:
  using Entities = std::vector<store::EntityId>;  // ascending

  void add(store::EntityPtr const& info) override;
  void remove(store::EntityInfo const& info) override;
  void changed() override {
    matches_.clear();
    nodes_.clear();
  }
  store::EntityPtr const& info(store::EntityId id) const;
  // Calls found(entity, leaf, its place) for the leaves that the walk meets.
  template <typename Found>
  void walk(PatternWalk& walk, Found const& found) const;

  NameNode<Entities> root_;
  mutable KnownMatches<MatchedLeaf> matches_{50'000};        // some 20 MiB, of one leaf a parent
  mutable KnownMatches<graphite::FoundNode> nodes_{20'000};  // 3 MiB
};

}  // namespace dadvisor::aggregator::series
