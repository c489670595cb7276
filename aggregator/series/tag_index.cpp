#include "aggregator/series/tag_index.hpp"

#include <algorithm>

#include "aggregator/series/entity_path.hpp"

namespace dadvisor::aggregator::series {
namespace {

constexpr char const* name_tag = "name";

bool without_tags(Entity const& entity) {
  return entity.key.kind == EntityKind::foreign && !entity.key.container_id.starts_with(';');
}

// What stands behind the name of an entity's series; of a foreign one as it was sent, in carbon's
// order, which may be another than ours.
std::string entity_suffix(Entity const& entity, Tags const& tags) {
  return entity.key.kind == EntityKind::foreign ? entity.key.container_id : tag_suffix(tags);
}

// Foreign entities are no group with ours, whatever tags they were sent with.
std::string group_key(Entity const& entity, std::string const& suffix) {
  return entity.key.kind == EntityKind::foreign ? "foreign" + suffix : suffix;
}

bool fits(graphite::TagExpression const& expression, std::string_view value) {
  bool const equal =
      expression.regex ? expression.regex->matches_start(value) : value == expression.value;
  return equal != expression.negated;
}

void insert_id(std::vector<std::uint32_t>& ids, std::uint32_t id) {
  auto const at = std::ranges::lower_bound(ids, id);
  if (at == ids.end() || *at != id) ids.insert(at, id);
}

void erase_id(std::vector<std::uint32_t>& ids, std::uint32_t id) {
  auto const at = std::ranges::lower_bound(ids, id);
  if (at != ids.end() && *at == id) ids.erase(at);
}

}  // namespace

Tags entity_tags(Entity const& entity) {
  if (entity.key.kind == EntityKind::foreign) return read_tag_suffix(entity.key.container_id);
  static std::set<std::string> const wanted{"app",      "cluster", "host", "image",
                                            "instance", "kind",    "owner"};
  Tags tags;
  for (auto& [name, value] : entity_labels(entity)) {
    if (value.empty() || !wanted.contains(name)) continue;
    auto clean = value;
    std::ranges::replace(clean, ';', '_');  // it would begin another tag
    tags.emplace(name, std::move(clean));
  }
  return tags;
}

std::string tag_suffix(Tags const& tags) {
  std::string suffix;
  for (auto const& [name, value] : tags) suffix += ";" + name + "=" + value;
  return suffix;
}

Tags read_tag_suffix(std::string_view suffix) {
  Tags tags;
  while (!suffix.empty()) {
    suffix.remove_prefix(1);  // the ";"
    auto const end = std::min(suffix.find(';'), suffix.size());
    auto const one = suffix.substr(0, end);
    auto const equals = one.find('=');
    if (equals != std::string_view::npos)
      tags.emplace(one.substr(0, equals), one.substr(equals + 1));
    suffix.remove_prefix(end);
  }
  return tags;
}

struct TagIndex::Group {
  Tags tags;
  std::string suffix;
  MembersPtr members;  // path: the suffix
};

TagIndex::TagIndex() = default;
TagIndex::~TagIndex() = default;

void TagIndex::changed() {
  std::erase_if(leaf_sets_, [](auto const& entry) { return entry.second.expired(); });
  std::erase_if(foreign_sets_, [](auto const& entry) { return entry.second.expired(); });
}

void TagIndex::add(store::EntityInfo const& info) {
  if (without_tags(info.entity)) return;
  auto tags = entity_tags(info.entity);
  auto suffix = entity_suffix(info.entity, tags);
  auto const [place, is_new] = by_suffix_.try_emplace(group_key(info.entity, suffix), 0);
  if (is_new) {
    if (free_.empty()) {
      free_.push_back(static_cast<GroupId>(groups_.size()));
      groups_.emplace_back();
    }
    place->second = free_.back();
    free_.pop_back();
    for (auto const& [name, value] : tags) insert_id(values_[name][value], place->second);
    groups_[place->second] =
        std::make_unique<Group>(Group{std::move(tags), std::move(suffix), nullptr});
  }
  auto const& members = groups_[place->second]->members;
  auto entities = members ? members->entities : std::vector<store::EntityInfo>();
  auto const by_start = [](store::EntityInfo const& one) {
    return std::pair(one.entity.key.start_ns, one.id);
  };
  entities.insert(std::ranges::upper_bound(entities, by_start(info), {}, by_start), info);
  replace(place->second, std::move(entities));
}

void TagIndex::remove(store::EntityInfo const& info) {
  if (without_tags(info.entity)) return;
  auto const suffix = entity_suffix(info.entity, entity_tags(info.entity));
  auto const place = by_suffix_.find(group_key(info.entity, suffix));
  if (place == by_suffix_.end()) return;
  auto const id = place->second;
  auto entities = groups_[id]->members->entities;
  std::erase_if(entities, [&](store::EntityInfo const& one) { return one.id == info.id; });
  bool const last = entities.empty();
  replace(id, std::move(entities));
  if (!last) return;
  for (auto const& [name, value] : groups_[id]->tags) {
    auto& values = values_[name];
    auto const of_value = values.find(value);
    erase_id(of_value->second, id);
    if (of_value->second.empty()) values.erase(of_value);
    if (values.empty()) values_.erase(name);
  }
  groups_[id].reset();
  free_.push_back(id);
  by_suffix_.erase(place);
}

void TagIndex::replace(GroupId id, std::vector<store::EntityInfo> entities) {
  auto& group = *groups_[id];
  if (group.members) {
    auto const of_leaves = by_leaves_.find(group.members->leaves.get());
    erase_id(of_leaves->second, id);
    if (of_leaves->second.empty()) by_leaves_.erase(of_leaves);
    group.members.reset();
  }
  if (entities.empty()) return;
  auto members = std::make_shared<Members>();
  members->path = group.suffix;
  members->leaves = shared_leaves(entities);
  members->entities = std::move(entities);
  group.members = std::move(members);
  insert_id(by_leaves_[group.members->leaves.get()], id);
}

std::shared_ptr<LeafSet const> TagIndex::shared_leaves(
    std::vector<store::EntityInfo> const& entities) {
  auto const kind = entities.back().entity.key.kind;
  if (kind == EntityKind::foreign) {
    std::string names;
    std::vector<Entity const*> each;
    for (store::EntityInfo const& info : entities) {
      for (auto const& [key, leaves] : info.entity.labels) names += leaves;
      names += '\0';
      each.push_back(&info.entity);
    }
    auto& known = foreign_sets_[names];
    auto leaves = known.lock();
    if (!leaves) known = leaves = foreign_leaves_of(each);
    return leaves;
  }
  std::vector<MetricId> columns;
  for (store::EntityInfo const& info : entities) {
    std::vector<MetricId> both;
    std::ranges::set_union(columns, info.columns, std::back_inserter(both));
    columns = std::move(both);
  }
  auto& known = leaf_sets_[{kind, columns}];
  auto leaves = known.lock();
  if (!leaves) {
    leaves = leaves_of(kind, columns);
    known = leaves;
  }
  return leaves;
}

// The groups that have a value which fits; for an expression that the absent value does not fit.
// A list that is there already, or one made in `made`.
TagIndex::GroupIds const& TagIndex::holding(graphite::TagExpression const& expression,
                                            GroupIds& made) const {
  std::vector<GroupIds const*> lists;
  if (expression.tag == name_tag) {
    for (auto const& [set, ids] : by_leaves_)
      if (std::ranges::any_of(set->leaves,
                              [&](auto const& leaf) { return fits(expression, leaf.first); }))
        lists.push_back(&ids);
  } else if (auto const values = values_.find(expression.tag); values != values_.end()) {
    if (!expression.negated && !expression.regex) {
      auto const exact = values->second.find(expression.value);
      if (exact != values->second.end()) lists.push_back(&exact->second);
    } else {
      for (auto const& [value, ids] : values->second)
        if (fits(expression, value)) lists.push_back(&ids);
    }
  }
  if (lists.size() == 1) return *lists.front();
  made.clear();
  for (auto const* ids : lists) made.insert(made.end(), ids->begin(), ids->end());
  std::ranges::sort(made);
  return made;
}

TagIndex::GroupIds TagIndex::candidates(graphite::TagQuery const& query) const {
  std::vector<GroupIds> made(query.expressions().size());
  std::vector<GroupIds const*> lists;
  for (std::size_t i = 0; i < made.size(); ++i)
    if (auto const& expression = query.expressions()[i]; !fits(expression, ""))
      lists.push_back(&holding(expression, made[i]));
  if (lists.empty()) return {};
  std::ranges::sort(lists, {}, [](GroupIds const* ids) { return ids->size(); });
  auto left = *lists.front();
  for (std::size_t i = 1; i < lists.size() && !left.empty(); ++i) {
    auto const& others = *lists[i];
    GroupIds both;
    if (others.size() / 16 > left.size()) {  // far more than are left: look each up
      for (auto const id : left)
        if (std::ranges::binary_search(others, id)) both.push_back(id);
    } else {
      std::ranges::set_intersection(left, others, std::back_inserter(both));
    }
    left = std::move(both);
  }
  return left;
}

template <typename Visit>
void TagIndex::each(graphite::TagQuery const& query, Visit const& visit) const {
  for (auto const id : candidates(query)) {
    auto const& group = *groups_[id];
    auto const holds = [&](graphite::TagExpression const& expression) {
      if (expression.tag == name_tag || !fits(expression, "")) return true;  // looked at already
      auto const tag = group.tags.find(expression.tag);
      return fits(expression, tag == group.tags.end() ? std::string_view() : tag->second);
    };
    if (!std::ranges::all_of(query.expressions(), holds)) continue;
    auto const& leaves = group.members->leaves->leaves;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      auto const named = [&](graphite::TagExpression const& expression) {
        return expression.tag != name_tag || fits(expression, leaves[i].first);
      };
      if (std::ranges::all_of(query.expressions(), named) && !visit(group, i)) return;
    }
  }
}

Result<std::vector<TaggedLeaf>> TagIndex::leaves(graphite::TagQuery const& query,
                                                 std::size_t limit) const {
  std::vector<TaggedLeaf> found;
  bool too_many = false;
  {
    auto const lock = share();
    each(query, [&](Group const& group, std::size_t i) {
      too_many = found.size() >= limit;
      if (too_many) return false;
      auto const& [name, leaf] = group.members->leaves->leaves[i];
      TaggedLeaf one{{group.members, leaf, name + group.members->path}, group.tags};
      one.tags.emplace(name_tag, name);
      found.push_back(std::move(one));
      return true;
    });
  }
  if (too_many)
    return Error{Errc::too_large, 0, "more than " + std::to_string(limit) + " series match"};
  std::ranges::sort(
      found, {}, [](TaggedLeaf const& one) -> auto const& { return one.leaf.own_path; });
  return found;
}

std::set<std::string> TagIndex::tags(graphite::TagQuery const* query) const {
  std::set<std::string> names;
  auto const lock = share();
  if (query == nullptr) {
    for (auto const& [name, values] : values_) names.insert(name);
    if (!by_leaves_.empty()) names.insert(name_tag);
    return names;
  }
  Group const* last = nullptr;
  each(*query, [&](Group const& group, std::size_t) {
    if (&group == last) return true;
    last = &group;
    for (auto const& [name, value] : group.tags) names.insert(name);
    names.insert(name_tag);
    return true;
  });
  return names;
}

std::map<std::string, std::uint64_t> TagIndex::values(std::string const& tag,
                                                      graphite::TagQuery const* query) const {
  std::map<std::string, std::uint64_t> found;
  auto const lock = share();
  if (query != nullptr) {
    each(*query, [&](Group const& group, std::size_t i) {
      if (tag == name_tag) {
        ++found[group.members->leaves->leaves[i].first];
      } else if (auto const value = group.tags.find(tag); value != group.tags.end()) {
        ++found[value->second];
      }
      return true;
    });
  } else if (tag == name_tag) {
    for (auto const& [set, ids] : by_leaves_)
      for (auto const& [name, leaf] : set->leaves) found[name] += ids.size();
  } else if (auto const values = values_.find(tag); values != values_.end()) {
    for (auto const& [value, ids] : values->second)
      for (auto const id : ids) found[value] += groups_[id]->members->leaves->leaves.size();
  }
  return found;
}

}  // namespace dadvisor::aggregator::series
