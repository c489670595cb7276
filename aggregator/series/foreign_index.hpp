#pragma once
// The paths of foreign points: a tree of names down to the parents; a parent's leaves are read off
// its entities' labels, so that a path costs no memory here. Tagged ones are in the TagIndex. It
// follows the store's list by what differs. Any thread: readers share a lock.

#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "aggregator/series/path_index.hpp"
#include "aggregator/store/store.hpp"
#include "graphite-bridge/glob.hpp"

namespace dadvisor::aggregator::series {

class ForeignIndex {
 public:
  // Brings the tree to what `list` says; the same list again costs nothing.
  void follow(std::shared_ptr<store::EntityList const> const& list);

  // Leaves whose whole path matches, in no certain order. too_large beyond `limit`.
  Result<std::vector<MatchedLeaf>> leaves(graphite::PathPattern const& pattern,
                                          std::size_t limit) const;
  // Nodes whose path matches, in no certain order. too_large beyond `limit`.
  Result<std::vector<graphite::FoundNode>> nodes(graphite::PathPattern const& pattern,
                                                 std::size_t limit) const;
  // The parents whose own path matches, as members of one path each, in no certain order.
  std::vector<MembersPtr> parents(graphite::PathPattern const& pattern) const;
  // Appends every path; too_large when `paths` would have more than `limit`.
  Result<void> append_paths(std::vector<std::string>& paths, std::size_t limit) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    std::vector<store::EntityId> entities;  // ascending
  };
  class Walk;

  void add(store::EntityInfo const& info);
  void remove(store::EntityInfo const& info);
  store::EntityInfo const& info(store::EntityId id) const;

  mutable std::shared_mutex mutex_;
  std::shared_ptr<store::EntityList const> list_;
  Node root_;
};

}  // namespace dadvisor::aggregator::series
