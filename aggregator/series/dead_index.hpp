#pragma once
// Paths and tags of containers that are over and left the store's memory. Their groups (cluster,
// app, owner) are a tree here; the names below are read from the store by bounded queries, and
// those whose rows lie outside of the time that is asked for are passed by. Any thread.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/series/leaf.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/result.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/series.hpp"
#include "graphite-bridge/tag_query.hpp"

namespace dadvisor::aggregator::series {

// What a query wants to see: rows of this time; too_large beyond so many entities.
struct DeadBounds {
  WallTime from = WallTime::min(), until = WallTime::max();
  std::size_t limit = 50'000;
  graphite::QueryBudget* budget = nullptr;  // whose errors are returned too; null: none
};

class DeadIndex {
 public:
  // Of one path or one set of tags, by which they are named; by start ascending.
  using Found = std::map<std::string, store::EntityList>;

  // The store must outlive it. `most_rows`: that one query may look through.
  DeadIndex(store::Store const& store, std::string prefix, std::size_t most_rows)
      : store_(store), prefix_(std::move(prefix)), most_rows_(most_rows) {}

  // Those whose path the pattern matches, or those below whose path it may match leaves. Errors of
  // all: too_large, io.
  enum class Below { nothing, leaves };
  Result<Found> places(graphite::PathPattern const& pattern, Below below,
                       DeadBounds const& bounds) const;
  // Nodes whose path matches, in no certain order, each once.
  Result<std::vector<graphite::FoundNode>> nodes(graphite::PathPattern const& pattern,
                                                 DeadBounds const& bounds) const;
  // Those whose own path, or a path below it, is `path`; by start ascending.
  Result<store::EntityList> at_or_above(std::string_view path) const;
  // Those of the groups that a query may mean, by the suffix of their tags.
  Result<Found> tagged(graphite::TagQuery const& query, DeadBounds const& bounds) const;
  // All of them, by path.
  Result<Found> all(DeadBounds const& bounds) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    std::vector<store::DeadGroup> groups;                             // whose instances stand below
    store::TickNs first = std::numeric_limits<store::TickNs>::max();  // of all below
    store::TickNs last = std::numeric_limits<store::TickNs>::min();
  };
  struct Tree {
    std::shared_ptr<store::DeadGroups const> groups;
    Node root;
  };
  std::shared_ptr<Tree const> tree() const;
  // Calls inner(path) where the pattern ends at or above a group, and visit(path of the group,
  // name, level behind the name's) for the names that match.
  template <typename Inner, typename Visit>
  Result<void> walk(graphite::PathPattern const& pattern, DeadBounds const& bounds,
                    Inner const& inner, Visit const& visit) const;
  Result<Found> by_path(std::vector<store::EntityId> ids) const;
  // Of containers with these columns; the same set for the same ones.
  std::shared_ptr<LeafSet const> leaves(std::vector<MetricId> const& columns) const;

  store::Store const& store_;
  std::string const prefix_;
  std::size_t const most_rows_;
  mutable std::mutex mutex_;  // of what follows
  mutable std::shared_ptr<Tree const> tree_;
  mutable std::map<std::vector<MetricId>, std::shared_ptr<LeafSet const>> leaf_sets_;
};

}  // namespace dadvisor::aggregator::series
