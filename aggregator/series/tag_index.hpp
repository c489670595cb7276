#pragma once
// Series by their tags. A tagged series is named as Graphite names it,
// "cpu.cores;app=/shop/cart;host=h1;...": the name is the leaf below an entity's path, the tags are
// labels of the entity, sorted. Entities with the same tags are one series, as those of one path
// are.
//
// Of each tag and value it knows the groups of entities that have them, and of each set of leaves
// its groups, so that a query meets the smallest list first and looks at no series that it does
// not name. Any thread.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "aggregator/series/known_matches.hpp"
#include "aggregator/series/path_index.hpp"
#include "graphite-bridge/tag_query.hpp"

namespace dadvisor::aggregator::series {

using Tags = std::map<std::string, std::string>;

// The tags of an entity's series but their name: app, cluster, host, image, instance, kind, owner,
// as far as they are known; of a foreign entity those that were sent.
Tags entity_tags(Entity const& entity);
// Whether a tag with this value, "" where it is absent, is one that the expression means.
bool tag_fits(graphite::TagExpression const& expression, std::string_view value);
// ";app=...;cluster=..."
std::string tag_suffix(Tags const& tags);
Tags read_tag_suffix(std::string_view suffix);

// A tagged series: leaf.path() is its name with its tags.
struct TaggedLeaf {
  MatchedLeaf leaf;
  Tags tags;  // with "name"
};

// Shared with whoever asks the same before the index changes.
using TaggedLeaves = std::shared_ptr<std::vector<TaggedLeaf> const>;

class TagIndex final : public EntityIndex {
 public:
  TagIndex() : by_suffix_(0, KeyOf{&groups_}, KeyOf{&groups_}) {}

  // Where a query's budget ends, errors are its own; lists leave off, and whoever asked for one
  // asks the budget afterwards.
  //
  // By path; with `dead` ones, by the suffixes of their tags, which the query means by all but
  // their names. too_large beyond `limit`.
  Result<TaggedLeaves> leaves(graphite::TagQuery const& query, std::size_t limit,
                              DeadIndex::Found const& dead = {},
                              graphite::QueryBudget* budget = nullptr) const;
  // The names of all tags of the series that the query means; without one, of all series. Sorted,
  // "name" among them.
  std::set<std::string> tags(graphite::TagQuery const* query,
                             graphite::QueryBudget* budget = nullptr) const;
  // The values of one tag among them, and of how many series each is.
  std::map<std::string, std::uint64_t> values(std::string const& tag,
                                              graphite::TagQuery const* query,
                                              graphite::QueryBudget* budget = nullptr) const;

 private:
  using GroupId = std::uint32_t;
  using GroupIds = std::vector<GroupId>;  // ascending
  // Of the same tags; its path is their suffix, out of which they are read.
  struct Group {
    MembersPtr members;
    bool foreign = false;  // no group with ours, whatever tags they were sent with
  };
  // Groups are told by their suffix, which stands in the group alone.
  struct Key {
    bool foreign = false;
    std::string_view suffix;
    bool operator==(Key const&) const = default;
  };
  struct KeyOf {
    using is_transparent = void;
    std::vector<Group> const* groups;
    Key key(GroupId id) const {
      Group const& group = (*groups)[id];
      return {group.foreign, group.members->path};
    }
    Key key(Key const& its) const { return its; }
    std::size_t operator()(auto const& one) const {
      return std::hash<std::string_view>()(key(one).suffix);
    }
    bool operator()(auto const& a, auto const& b) const { return key(a) == key(b); }
  };

  void add(store::EntityPtr const& info) override;
  void remove(store::EntityInfo const& info) override;
  void changed() override;
  void replace(GroupId id, std::string suffix, store::EntityList entities);
  std::shared_ptr<LeafSet const> shared_leaves(store::EntityList const& entities) const;
  MembersPtr joined(std::string const& suffix, store::EntityList const& dead) const;
  GroupIds candidates(graphite::TagQuery const& query, graphite::QueryBudget* budget) const;
  GroupIds const& holding(graphite::TagExpression const& expression, GroupIds& made,
                          graphite::QueryBudget* budget) const;
  // Calls visit(group, leaf index) for the series that the query means; false from it stops.
  template <typename Visit>
  void each(graphite::TagQuery const& query, graphite::QueryBudget* budget,
            Visit const& visit) const;

  std::vector<Group> groups_;
  GroupIds free_;
  std::unordered_set<GroupId, KeyOf, KeyOf> by_suffix_;            // a group in it has members
  std::map<std::string, std::map<std::string, GroupIds>> values_;  // by tag
  std::map<LeafSet const*, GroupIds> by_leaves_;
  mutable std::mutex sets_mutex_;  // behind the index's lock; of the two that follow
  mutable std::map<std::pair<EntityKind, std::vector<MetricId>>, std::weak_ptr<LeafSet const>>
      leaf_sets_;
  mutable std::map<std::string, std::weak_ptr<LeafSet const>>
      foreign_sets_;                                  // by the leaves of all
  mutable KnownMatches<TaggedLeaf> matches_{10'000};  // of queries without dead ones; 12 MiB
};

}  // namespace dadvisor::aggregator::series
