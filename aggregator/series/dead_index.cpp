#include "aggregator/series/dead_index.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/name_tree.hpp"
#include "aggregator/series/tag_index.hpp"

namespace dadvisor::aggregator::series {
namespace {

using store::tick_ns;

constexpr std::size_t dearer = 5;  // a whole description than a row of names
constexpr std::size_t read_at_once = 1000;
constexpr std::size_t most_sets = 1000;   // of leaves that are kept
constexpr std::size_t most_lives = 1000;  // of one path that are looked at for its labels

// A container of the group, as far as that knows it.
Entity member_of(store::DeadGroup const& group) {
  LabelsWriter labels;
  if (!group.app.empty()) labels.add("app", group.app);
  if (!group.cluster.empty()) labels.add("cluster", group.cluster);
  if (!group.owner.empty()) labels.add("owner", group.owner);
  return {{EntityKind::container, {}, {}, 0}, labels.take()};
}

void sort_by_start(store::EntityList& entities) {
  std::ranges::sort(entities.pointers(), {}, [](store::EntityPtr const& one) {
    return std::pair(one->entity.key.start_ns, one->id);
  });
}

Error too_many(std::size_t limit) {
  return Error{
      Errc::too_large, 0,
      "more than " + std::to_string(limit) + " containers that are over match: narrow the pattern",
      graphite::query_limit::series};
}

}  // namespace

std::shared_ptr<DeadIndex::Tree const> DeadIndex::tree() const {
  auto const groups = store_.dead_groups();
  std::lock_guard const lock(mutex_);
  if (tree_ && tree_->groups == groups) return tree_;
  auto made = std::make_shared<Tree>();
  made->groups = groups;
  for (store::DeadGroup const& group : groups->all()) {
    auto nodes = entity_path(member_of(group), prefix_);
    nodes.pop_back();  // the instance's
    Node* node = &made->root;
    auto const widen = [&] {
      node->first = std::min(node->first, group.first);
      node->last = std::max(node->last, group.last);
    };
    widen();
    for (std::string const& name : nodes) {
      auto& child = node->children[name];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
      widen();
    }
    node->groups.push_back(group);
  }
  tree_ = made;
  return made;
}

template <typename Inner, typename Visit>
Result<void> DeadIndex::walk(graphite::PathPattern const& pattern, DeadBounds const& bounds,
                             Inner const& inner, Visit const& visit) const {
  // Names are visited while the catalogue is being read.
  graphite::QueryBudget::Undivided const undivided(bounds.budget);
  auto const tree = this->tree();
  store::TickNs const from = tick_ns(bounds.from), until = tick_ns(bounds.until);
  std::size_t budget = most_rows_;
  Result<void> done;
  std::string path;
  auto const names = [&](Node const& node, graphite::NodePattern const& wanted, std::size_t level) {
    store::DeadQuery query;
    query.from = from;
    query.until = until;
    auto const ask = [&] {
      for (store::DeadGroup const& group : node.groups) {
        query.group = group.id;
        if (done)
          done = store_.dead_names(query, budget, [&](store::DeadName const& name) {
            return graphite::work(bounds.budget, 8 + wanted.cost()) &&
                   (!wanted.matches(name.name) || visit(path, name, level));
          });
      }
    };
    query.exact = wanted.is_literal();
    if (!query.exact) {
      query.prefix = wanted.literal_prefix();
      return ask();
    }
    for (std::string const& literal : wanted.literals()) {
      query.prefix = literal;
      ask();
    }
  };
  auto const down = [&](auto const& self, Node const& node, std::size_t level) -> void {
    if (!done || node.last < from || node.first > until) return;
    if (level == pattern.nodes().size()) return inner(path);
    if (!node.groups.empty()) names(node, pattern.nodes()[level], level + 1);
    matching(node.children, pattern.nodes()[level], bounds.budget,
             [&](std::string const& name, auto const& child) {
               std::size_t const length = path.size();
               if (!path.empty()) path += '.';
               path += name;
               self(self, *child, level + 1);
               path.resize(length);
             });
  };
  down(down, tree->root, 0);
  if (auto const whole = graphite::go_on(bounds.budget); !whole) return whole;
  return done;
}

Result<DeadIndex::Found> DeadIndex::by_path(std::vector<store::EntityId> ids) const {
  Found found;
  if (ids.empty()) return found;
  auto const entities = store_.dead(std::move(ids));
  if (!entities) return entities.error();
  for (store::EntityPtr const& info : entities->pointers())
    found[joined_path(entity_path(info->entity, prefix_))].push_back(info);
  for (auto& [path, list] : found) sort_by_start(list);
  return found;
}

Result<DeadIndex::Found> DeadIndex::places(graphite::PathPattern const& pattern, Below below,
                                           DeadBounds const& bounds) const {
  std::vector<store::EntityId> ids;
  bool too_large = false;
  auto const walked = walk(
      pattern, bounds, [](std::string const&) {},
      [&](std::string const&, store::DeadName const& name, std::size_t level) {
        bool const ends = level == pattern.nodes().size();
        if (ends != (below == Below::nothing)) return true;
        too_large = ids.size() >= bounds.limit;
        ids.push_back(name.id);
        return !too_large;
      });
  if (too_large) return too_many(bounds.limit);
  if (!walked) return walked.error();
  return by_path(std::move(ids));
}

Result<std::vector<graphite::FoundNode>> DeadIndex::nodes(graphite::PathPattern const& pattern,
                                                          DeadBounds const& bounds) const {
  std::set<std::pair<std::string, bool>> found;  // path, whether it is a leaf
  bool too_large = false;
  auto const add = [&](std::string path, bool leaf) {
    found.emplace(std::move(path), leaf);
    too_large = too_large || found.size() > bounds.limit;
  };
  auto const leaves_below = [&](auto const& self, LeafNode const& node, std::string const& path,
                                std::size_t level) -> void {
    if (level == pattern.nodes().size()) {
      if (!node.children.empty()) add(path, false);
      if (node.is_leaf) add(path, true);
      return;
    }
    matching(node.children, pattern.nodes()[level], bounds.budget,
             [&](std::string const& name, LeafNode const& child) {
               self(self, child, path + "." + name, level + 1);
             });
  };
  auto const walked = walk(
      pattern, bounds, [&](std::string const& path) { add(path, false); },
      [&](std::string const& group, store::DeadName const& name, std::size_t level) {
        auto const path = group + "." + std::string(name.name);
        if (level == pattern.nodes().size())
          add(path, false);
        else
          leaves_below(leaves_below, leaves(name.columns)->root, path, level);
        return !too_large;
      });
  if (too_large)
    return Error{Errc::too_large, 0,
                 "more than " + std::to_string(bounds.limit) + " names match: narrow the pattern",
                 graphite::query_limit::series};
  if (!walked) return walked.error();
  std::vector<graphite::FoundNode> nodes;
  for (auto const& [path, leaf] : found) nodes.push_back({path, leaf});
  return nodes;
}

Result<store::EntityList> DeadIndex::at_or_above(std::string_view path) const {
  auto const tree = this->tree();
  Node const* node = &tree->root;
  for (auto const name : graphite::split_nodes(path)) {
    if (!node->groups.empty()) {
      std::vector<store::EntityId> ids;
      std::size_t budget = most_rows_;
      for (store::DeadGroup const& group : node->groups) {
        store::DeadQuery query;
        query.group = group.id;
        query.prefix = name;
        query.exact = true;
        auto const done = store_.dead_names(query, budget, [&](store::DeadName const& one) {
          ids.push_back(one.id);
          return ids.size() < most_lives;
        });
        if (!done) return done.error();
      }
      auto entities = store_.dead(std::move(ids));
      if (entities) sort_by_start(*entities);
      return entities;
    }
    auto const child = node->children.find(name);
    if (child == node->children.end()) break;
    node = child->second.get();
  }
  return store::EntityList();
}

Result<DeadIndex::Found> DeadIndex::tagged(graphite::TagQuery const& query,
                                           DeadBounds const& bounds) const {
  // What a group knows of its members' tags; nothing: each has its own, or it is to be looked at.
  auto const known = [](store::DeadGroup const& group, std::string_view tag) {
    std::optional<std::string_view> value = "";
    if (tag == "name" || tag == "host" || tag == "image" || tag == "instance") value.reset();
    if (tag == "kind") value = "instance";
    if (tag == "app") value = group.app;
    if (tag == "cluster") value = group.cluster;
    if (tag == "cluster" && group.cluster.empty()) value = "default";
    if (tag == "owner") value = group.owner;
    if (value && value->find(';') != value->npos) value.reset();
    return value;
  };
  std::vector<store::DeadGroup> wanted;
  auto const groups = store_.dead_groups();
  std::ranges::copy_if(groups->all(), std::back_inserter(wanted), [&](auto const& group) {
    return std::ranges::all_of(query.expressions(), [&](auto const& expression) {
      auto const value = known(group, expression.tag);
      return !value || tag_fits(expression, *value);
    });
  });
  auto const fits = [&](Tags const& tags) {
    return std::ranges::all_of(query.expressions(), [&](auto const& expression) {
      if (expression.tag == "name") return true;  // of its leaves, which others look at
      auto const tag = tags.find(expression.tag);
      return tag_fits(expression, tag == tags.end() ? std::string_view() : tag->second);
    });
  };
  std::vector<store::EntityId> ids;
  store::DeadQuery rows;
  rows.from = tick_ns(bounds.from);
  rows.until = tick_ns(bounds.until);
  std::size_t budget = most_rows_ / dearer;
  for (store::DeadGroup const& group : wanted) {
    rows.group = group.id;
    auto const done = store_.dead_names(rows, budget, [&](store::DeadName const& name) {
      ids.push_back(name.id);
      return true;
    });
    if (!done) return done.error();
  }
  Found found;
  std::size_t count = 0;
  for (std::size_t first = 0; first < ids.size(); first += read_at_once) {
    auto const end = std::min(first + read_at_once, ids.size());
    auto const some = store_.dead({ids.begin() + static_cast<std::ptrdiff_t>(first),
                                   ids.begin() + static_cast<std::ptrdiff_t>(end)});
    if (!some) return some.error();
    for (store::EntityPtr const& info : some->pointers()) {
      auto const tags = entity_tags(info->entity);
      if (!graphite::work(bounds.budget, 64 + 64 * query.expressions().size()))
        return graphite::go_on(bounds.budget).error();
      if (!fits(tags)) continue;
      if (++count > bounds.limit) return too_many(bounds.limit);
      found[tag_suffix(tags)].push_back(info);
    }
  }
  for (auto& [suffix, list] : found) sort_by_start(list);
  return found;
}

Result<DeadIndex::Found> DeadIndex::all(DeadBounds const& bounds) const {
  auto const groups = store_.dead_groups();
  auto const entities = store_.dead(groups->all(), bounds.from, bounds.until, bounds.limit);
  if (!entities) return entities.error();
  Found found;
  for (store::EntityPtr const& info : entities->pointers())
    found[joined_path(entity_path(info->entity, prefix_))].push_back(info);
  for (auto& [path, list] : found) sort_by_start(list);
  return found;
}

std::shared_ptr<LeafSet const> DeadIndex::leaves(std::vector<MetricId> const& columns) const {
  std::lock_guard const lock(mutex_);
  auto& known = leaf_sets_[columns];
  if (!known) {
    if (leaf_sets_.size() > most_sets) leaf_sets_.clear();
    return leaf_sets_[columns] = leaves_of(EntityKind::container, columns);
  }
  return known;
}

}  // namespace dadvisor::aggregator::series
