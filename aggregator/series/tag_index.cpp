#include "aggregator/series/tag_index.hpp"

#include <algorithm>

#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/foreign_leaves.hpp"

namespace dadvisor::aggregator::series {
namespace {

constexpr char const* name_tag = "name";
constexpr std::size_t a_comparison = 16;  // by a regular expression: steps for QueryBudget::work()

bool without_tags(Entity const& entity) {
  return entity.key.kind == EntityKind::foreign && !entity.key.container_id.starts_with(';');
}

// What stands behind the name of an entity's series; of a foreign one as it was sent, in carbon's
// order, which may be another than ours.
std::string entity_suffix(Entity const& entity, Tags const& tags) {
  return entity.key.kind == EntityKind::foreign ? entity.key.container_id : tag_suffix(tags);
}

// Calls visit(tag, value) for each of a suffix, until it returns false.
template <typename Visit>
void each_tag(std::string_view suffix, Visit const& visit) {
  while (!suffix.empty()) {
    suffix.remove_prefix(1);  // the ";"
    auto const end = std::min(suffix.find(';'), suffix.size());
    auto const one = suffix.substr(0, end);
    auto const equals = one.find('=');
    if (equals != std::string_view::npos && !visit(one.substr(0, equals), one.substr(equals + 1)))
      return;
    suffix.remove_prefix(end);
  }
}

// "" where it is absent.
std::string_view tag_in(std::string_view suffix, std::string_view tag) {
  std::string_view found;
  each_tag(suffix, [&](std::string_view name, std::string_view value) {
    if (name == tag) found = value;
    return name != tag;
  });
  return found;
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

bool tag_fits(graphite::TagExpression const& expression, std::string_view value) {
  bool const equal =
      expression.regex ? expression.regex->matches_start(value) : value == expression.value;
  return equal != expression.negated;
}

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
  each_tag(suffix, [&](std::string_view name, std::string_view value) {
    tags.emplace(name, value);
    return true;
  });
  return tags;
}

void TagIndex::changed() {
  matches_.clear();
  std::lock_guard const lock(sets_mutex_);
  std::erase_if(leaf_sets_, [](auto const& entry) { return entry.second.expired(); });
  std::erase_if(foreign_sets_, [](auto const& entry) { return entry.second.expired(); });
}

void TagIndex::add(store::EntityPtr const& info) {
  if (without_tags(info->entity)) return;
  auto const tags = entity_tags(info->entity);
  auto suffix = entity_suffix(info->entity, tags);
  bool const foreign = info->entity.key.kind == EntityKind::foreign;
  auto const known = by_suffix_.find(Key{foreign, suffix});
  bool const is_new = known == by_suffix_.end();
  if (is_new && free_.empty()) {
    free_.push_back(static_cast<GroupId>(groups_.size()));
    groups_.emplace_back();
  }
  GroupId const id = is_new ? free_.back() : *known;
  store::EntityList entities;
  if (is_new) {
    free_.pop_back();
    groups_[id].foreign = foreign;
    for (auto const& [name, value] : tags) insert_id(values_[name][value], id);
  } else {
    entities = groups_[id].members->entities;
  }
  auto const by_start = [](store::EntityPtr const& one) {
    return std::pair(one->entity.key.start_ns, one->id);
  };
  auto& pointers = entities.pointers();
  pointers.insert(std::ranges::upper_bound(pointers, by_start(info), {}, by_start), info);
  replace(id, std::move(suffix), std::move(entities));
  if (is_new) by_suffix_.insert(id);
}

void TagIndex::remove(store::EntityInfo const& info) {
  if (without_tags(info.entity)) return;
  auto const tags = entity_tags(info.entity);
  auto suffix = entity_suffix(info.entity, tags);
  auto const place = by_suffix_.find(Key{info.entity.key.kind == EntityKind::foreign, suffix});
  if (place == by_suffix_.end()) return;
  GroupId const id = *place;
  auto entities = groups_[id].members->entities;
  std::erase_if(entities.pointers(), [&](auto const& one) { return one->id == info.id; });
  if (!entities.empty()) return replace(id, std::move(suffix), std::move(entities));
  by_suffix_.erase(place);
  replace(id, std::move(suffix), {});
  for (auto const& [name, value] : tags) {
    auto& values = values_[name];
    auto const of_value = values.find(value);
    erase_id(of_value->second, id);
    if (of_value->second.empty()) values.erase(of_value);
    if (values.empty()) values_.erase(name);
  }
  free_.push_back(id);
}

void TagIndex::replace(GroupId id, std::string suffix, store::EntityList entities) {
  auto& group = groups_[id];
  if (group.members) {
    auto const of_leaves = by_leaves_.find(group.members->leaves.get());
    erase_id(of_leaves->second, id);
    if (of_leaves->second.empty()) by_leaves_.erase(of_leaves);
  }
  if (entities.empty()) {
    group.members.reset();
    return;
  }
  auto members = std::make_shared<Members>();
  members->path = std::move(suffix);
  members->leaves = shared_leaves(entities);
  members->entities = std::move(entities);
  group.members = std::move(members);
  insert_id(by_leaves_[group.members->leaves.get()], id);
}

std::shared_ptr<LeafSet const> TagIndex::shared_leaves(store::EntityList const& entities) const {
  std::lock_guard const lock(sets_mutex_);
  auto const kind = entities.back().entity.key.kind;
  if (kind == EntityKind::foreign) {
    std::string names;
    for (store::EntityInfo const& info : entities) {
      each_foreign_leaf(info, [&](std::string_view name, std::uint32_t place) {
        names += std::to_string(place);
        names += ' ';
        names += name;
        names += '\n';  // no name has one
      });
      names += '\0';
    }
    auto& known = foreign_sets_[names];
    auto leaves = known.lock();
    if (!leaves) known = leaves = foreign_leaves_of(entities);
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
                                            GroupIds& made, graphite::QueryBudget* budget) const {
  std::vector<GroupIds const*> lists;
  if (expression.tag == name_tag) {
    for (auto const& [set, ids] : by_leaves_) {
      if (!graphite::work(budget, a_comparison * set->leaves.size())) break;
      if (std::ranges::any_of(set->leaves,
                              [&](auto const& leaf) { return tag_fits(expression, leaf.first); }))
        lists.push_back(&ids);
    }
  } else if (auto const values = values_.find(expression.tag); values != values_.end()) {
    if (!expression.negated && !expression.regex) {
      auto const exact = values->second.find(expression.value);
      if (exact != values->second.end()) lists.push_back(&exact->second);
    } else {
      for (auto const& [value, ids] : values->second)
        if (!graphite::work(budget, a_comparison))
          break;
        else if (tag_fits(expression, value))
          lists.push_back(&ids);
    }
  }
  if (lists.size() == 1) return *lists.front();
  made.clear();
  for (auto const* ids : lists) {
    if (!graphite::work(budget, 4 * ids->size())) break;
    made.insert(made.end(), ids->begin(), ids->end());
  }
  std::ranges::sort(made);
  return made;
}

TagIndex::GroupIds TagIndex::candidates(graphite::TagQuery const& query,
                                        graphite::QueryBudget* budget) const {
  std::vector<GroupIds> made(query.expressions().size());
  std::vector<GroupIds const*> lists;
  for (std::size_t i = 0; i < made.size(); ++i)
    if (auto const& expression = query.expressions()[i]; !tag_fits(expression, ""))
      lists.push_back(&holding(expression, made[i], budget));
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
void TagIndex::each(graphite::TagQuery const& query, graphite::QueryBudget* budget,
                    Visit const& visit) const {
  std::size_t const a_leaf = a_comparison * query.expressions().size();
  for (auto const id : candidates(query, budget)) {
    if (!graphite::work(budget, a_leaf)) return;
    auto const& group = groups_[id];
    auto const holds = [&](graphite::TagExpression const& expression) {
      if (expression.tag == name_tag || !tag_fits(expression, ""))
        return true;  // looked at already
      return tag_fits(expression, tag_in(group.members->path, expression.tag));
    };
    if (!std::ranges::all_of(query.expressions(), holds)) continue;
    auto const& leaves = group.members->leaves->leaves;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      auto const named = [&](graphite::TagExpression const& expression) {
        return expression.tag != name_tag || tag_fits(expression, leaves[i].first);
      };
      if (!graphite::work(budget, a_leaf)) return;
      if (std::ranges::all_of(query.expressions(), named) && !visit(group, i)) return;
    }
  }
}

// With those that live.
MembersPtr TagIndex::joined(std::string const& suffix, store::EntityList const& dead) const {
  auto made = std::make_shared<Members>();
  made->path = suffix;
  made->entities = dead;
  auto& pointers = made->entities.pointers();
  if (auto const known = by_suffix_.find(Key{false, suffix}); known != by_suffix_.end())
    for (store::EntityPtr const& info : groups_[*known].members->entities.pointers()) {
      // One that left memory meanwhile is in both.
      std::erase_if(pointers, [&](store::EntityPtr const& one) { return one->id == info->id; });
      pointers.push_back(info);
    }
  std::ranges::sort(pointers, {}, [](store::EntityPtr const& one) {
    return std::pair(one->entity.key.start_ns, one->id);
  });
  made->leaves = shared_leaves(made->entities);
  return made;
}

Result<TaggedLeaves> TagIndex::leaves(graphite::TagQuery const& query, std::size_t limit,
                                      DeadIndex::Found const& dead,
                                      graphite::QueryBudget* budget) const {
  auto const made = std::make_shared<std::vector<TaggedLeaf>>();
  std::vector<TaggedLeaf>& found = *made;
  bool too_many = false;
  bool const keep = dead.empty() && !query.text().empty();
  auto const refused = [&] {
    return Error{Errc::too_large, 0,
                 "more than " + std::to_string(limit) + " series match: narrow the query",
                 graphite::query_limit::series};
  };
  Tags tags;  // of these:
  Members const* tagged = nullptr;
  auto const add = [&](MembersPtr const& members, std::size_t i) {
    if (members.get() != tagged) tags = read_tag_suffix(members->path);
    tagged = members.get();
    too_many = found.size() >= limit;
    if (too_many) return false;
    auto const& [name, leaf] = members->leaves->leaves[i];
    TaggedLeaf one{{members, leaf, name + members->path}, tags};
    one.tags.emplace(name_tag, name);
    found.push_back(std::move(one));
    return true;
  };
  {
    graphite::QueryBudget::Undivided const undivided(budget);
    auto const lock = share();
    if (auto known = keep ? matches_.find(query.text()) : nullptr) {
      if (known->size() > limit) return refused();
      return known;
    }
    each(query, budget, [&](Group const& group, std::size_t i) {
      return (!group.foreign && dead.contains(group.members->path)) || add(group.members, i);
    });
    for (auto const& [suffix, entities] : dead) {
      auto const members = joined(suffix, entities);
      for (std::size_t i = 0; i < members->leaves->leaves.size() && !too_many; ++i) {
        auto const& name = members->leaves->leaves[i].first;
        if (std::ranges::all_of(query.expressions(), [&](auto const& expression) {
              return expression.tag != name_tag || tag_fits(expression, name);
            }))
          add(members, i);
      }
    }
    std::ranges::sort(
        found, {}, [](TaggedLeaf const& one) -> auto const& { return one.leaf.own_path; });
    // Under the lock: behind it the index may be another one.
    if (auto const whole = graphite::go_on(budget); !whole) return whole.error();
    if (keep && !too_many) matches_.keep(query.text(), made);
  }
  if (too_many) return refused();
  return TaggedLeaves(made);
}

std::set<std::string> TagIndex::tags(graphite::TagQuery const* query,
                                     graphite::QueryBudget* budget) const {
  std::set<std::string> names;
  graphite::QueryBudget::Undivided const undivided(budget);
  auto const lock = share();
  if (query == nullptr) {
    for (auto const& [name, values] : values_) names.insert(name);
    if (!by_leaves_.empty()) names.insert(name_tag);
    return names;
  }
  Group const* last = nullptr;
  each(*query, budget, [&](Group const& group, std::size_t) {
    if (&group == last) return true;
    last = &group;
    each_tag(group.members->path, [&](std::string_view name, std::string_view) {
      names.emplace(name);
      return true;
    });
    names.insert(name_tag);
    return true;
  });
  return names;
}

std::map<std::string, std::uint64_t> TagIndex::values(std::string const& tag,
                                                      graphite::TagQuery const* query,
                                                      graphite::QueryBudget* budget) const {
  std::map<std::string, std::uint64_t> found;
  graphite::QueryBudget::Undivided const undivided(budget);
  auto const lock = share();
  if (query != nullptr) {
    each(*query, budget, [&](Group const& group, std::size_t i) {
      if (tag == name_tag) {
        ++found[group.members->leaves->leaves[i].first];
      } else if (auto const value = tag_in(group.members->path, tag); !value.empty()) {
        ++found[std::string(value)];
      }
      return true;
    });
  } else if (tag == name_tag) {
    for (auto const& [set, ids] : by_leaves_)
      for (auto const& [name, leaf] : set->leaves) found[name] += ids.size();
  } else if (auto const values = values_.find(tag); values != values_.end()) {
    for (auto const& [value, ids] : values->second) {
      if (!graphite::work(budget, 16 + 2 * ids.size())) break;
      for (auto const id : ids) found[value] += groups_[id].members->leaves->leaves.size();
    }
  }
  return found;
}

}  // namespace dadvisor::aggregator::series
