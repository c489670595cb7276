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
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aggregator/series/path_index.hpp"
#include "graphite-bridge/tag_query.hpp"

namespace dadvisor::aggregator::series {

using Tags = std::map<std::string, std::string>;

// The tags of an entity's series but their name: app, cluster, host, image, instance, kind, owner,
// as far as they are known; of a foreign entity those that were sent.
Tags entity_tags(Entity const& entity);
// ";app=...;cluster=..."
std::string tag_suffix(Tags const& tags);
Tags read_tag_suffix(std::string_view suffix);

// A tagged series: leaf.path() is its name with its tags.
struct TaggedLeaf {
  MatchedLeaf leaf;
  Tags tags;  // with "name"
};

class TagIndex final : public EntityIndex {
 public:
  TagIndex();
  ~TagIndex() override;

  // By path. too_large beyond `limit`.
  Result<std::vector<TaggedLeaf>> leaves(graphite::TagQuery const& query, std::size_t limit) const;
  // The names of all tags of the series that the query means; without one, of all series. Sorted,
  // "name" among them.
  std::set<std::string> tags(graphite::TagQuery const* query) const;
  // The values of one tag among them, and of how many series each is.
  std::map<std::string, std::uint64_t> values(std::string const& tag,
                                              graphite::TagQuery const* query) const;

 private:
  using GroupId = std::uint32_t;
  using GroupIds = std::vector<GroupId>;  // ascending
  struct Group;

  void add(store::EntityInfo const& info) override;
  void remove(store::EntityInfo const& info) override;
  void changed() override;
  void replace(GroupId id, std::vector<store::EntityInfo> entities);
  std::shared_ptr<LeafSet const> shared_leaves(std::vector<store::EntityInfo> const& entities);
  GroupIds candidates(graphite::TagQuery const& query) const;
  GroupIds const& holding(graphite::TagExpression const& expression, GroupIds& made) const;
  // Calls visit(group, leaf index) for the series that the query means; false from it stops.
  template <typename Visit>
  void each(graphite::TagQuery const& query, Visit const& visit) const;

  std::vector<std::unique_ptr<Group>> groups_;
  GroupIds free_;
  std::unordered_map<std::string, GroupId> by_suffix_;
  std::map<std::string, std::map<std::string, GroupIds>> values_;  // by tag
  std::map<LeafSet const*, GroupIds> by_leaves_;
  std::map<std::pair<EntityKind, std::vector<MetricId>>, std::weak_ptr<LeafSet const>> leaf_sets_;
  std::map<std::string, std::weak_ptr<LeafSet const>> foreign_sets_;  // by the labels of all
};

}  // namespace dadvisor::aggregator::series
