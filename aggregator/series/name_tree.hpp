#pragma once
// Trees of names, as indexes of paths keep them, and the walk down them along a pattern. Not
// thread-safe.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

// What a query is told that matches more of `what` than it may.
inline Error too_many(std::size_t limit, char const* what) {
  return Error{Errc::too_large, 0,
               "more than " + std::to_string(limit) + " " + what + " match: narrow the pattern",
               graphite::query_limit::series};
}

template <typename Value>
struct NameNode {
  std::map<std::string, std::unique_ptr<NameNode>, std::less<>> children;
  Value value{};  // of the path that ends here; empty(): none ends here
};

// The node of that path, made when it is not there.
template <typename Value>
NameNode<Value>& make_node(NameNode<Value>& root, std::vector<std::string> const& path) {
  NameNode<Value>* node = &root;
  for (std::string const& name : path) {
    auto& child = node->children[name];
    if (!child) child = std::make_unique<NameNode<Value>>();
    node = child.get();
  }
  return *node;
}

template <typename Value, typename Path>
NameNode<Value> const* find_node(NameNode<Value> const& root, Path const& path) {
  NameNode<Value> const* node = &root;
  for (auto const& name : path) {
    auto const child = node->children.find(name);
    if (child == node->children.end()) return nullptr;
    node = child->second.get();
  }
  return node;
}

// Calls change(value) of the node of that path, if it is there, and takes out what is empty then.
template <typename Value, typename Change>
void change_node(NameNode<Value>& root, std::vector<std::string> const& path,
                 Change const& change) {
  std::vector<NameNode<Value>*> way{&root};
  for (std::string const& name : path) {
    auto const child = way.back()->children.find(name);
    if (child == way.back()->children.end()) return;
    way.push_back(child->second.get());
  }
  change(way.back()->value);
  for (std::size_t i = path.size(); i > 0; --i) {
    if (!way[i]->value.empty() || !way[i]->children.empty()) break;
    way[i - 1]->children.erase(path[i - 1]);
  }
}

// Calls visit(name, child) for the children that a pattern's node matches, by name ascending, for
// as long as the budget lasts, if there is one.
template <typename Children, typename Visit>
void matching(Children const& children, graphite::NodePattern const& pattern,
              graphite::QueryBudget* budget, Visit const& visit) {
  constexpr std::size_t a_search = 16;  // steps for QueryBudget::work()
  if (pattern.is_literal()) {
    for (std::string const& name : pattern.literals())
      if (!graphite::work(budget, a_search))
        return;
      else if (auto const found = children.find(name); found != children.end())
        visit(found->first, found->second);
    return;
  }
  std::string const& prefix = pattern.literal_prefix();
  for (auto child = children.lower_bound(prefix);
       child != children.end() && child->first.starts_with(prefix); ++child)
    if (!graphite::work(budget, a_search + pattern.cost()))
      return;
    else if (pattern.matches(child->first))
      visit(child->first, child->second);
}

// A walk down a tree, and down what stands below its nodes, which ends where the pattern does. What
// it meets is in the order of names, level by level.
class PatternWalk {
 public:
  enum class Of { nodes, leaves };
  // Ends before its time where the budget does, if there is one: whoever walks asks it afterwards.
  PatternWalk(Of what, graphite::PathPattern const& pattern, std::size_t limit,
              graphite::QueryBudget* budget)
      : what_(what), pattern_(pattern.nodes()), limit_(limit), budget_(budget) {}

  // Calls below(value, level) at each node on the way, for what begins below it with the pattern's
  // node `level`.
  template <typename Value, typename Below>
  void down(NameNode<Value> const& node, Below const& below, std::size_t level = 0) {
    if (ends(level)) return branch();
    if (!node.value.empty()) {
      below(node.value, level);
      if (!node.children.empty()) sorted_ = false;
    }
    each(node.children, level, [&](auto const& child) { down(*child, below, level + 1); });
  }
  // Calls visit(child) for those of the children that the pattern's node `level` matches.
  template <typename Children, typename Visit>
  void each(Children const& children, std::size_t level, Visit const& visit) {
    std::string const* before = nullptr;
    if (too_many_) return;  // nothing more is looked for
    matching(children, pattern_[level], budget_, [&](std::string const& name, auto const& child) {
      // Paths are sorted as names are, but behind one that a name with a byte below the dot
      // continues: "a-1.b" is before "a.b".
      if (before != nullptr && name.starts_with(*before) && name[before->size()] < '.')
        sorted_ = false;
      before = &name;
      if (what_ == Of::leaves) return visit(child);
      std::size_t const length = path_.size();
      if (!path_.empty()) path_ += '.';
      path_ += name;
      visit(child);
      path_.resize(length);
    });
  }

  bool ends(std::size_t level) const { return level == pattern_.size(); }
  graphite::NodePattern const& pattern(std::size_t level) const { return pattern_[level]; }
  bool wants_nodes() const { return what_ == Of::nodes; }
  // At the node whose path is where the walk is.
  void branch() {
    if (wants_nodes() && room()) nodes_.push_back({path_, false});
  }
  void leaf() { leaf(path_); }
  void leaf(std::string path) {
    if (wants_nodes() && room()) nodes_.push_back({std::move(path), true});
  }
  // False: there are as many as may be, and more. Of leaves each one asks.
  bool room() {
    too_many_ = too_many_ || found_ >= limit_;
    ++found_;
    return !too_many_;
  }

  // Whether there is time for that many steps more.
  bool work(std::size_t steps) { return graphite::work(budget_, steps); }
  bool too_many() const { return too_many_; }
  bool sorted() const { return sorted_; }
  std::vector<graphite::FoundNode> take_nodes() { return std::move(nodes_); }

 private:
  Of const what_;
  std::vector<graphite::NodePattern> const& pattern_;
  std::size_t const limit_;
  graphite::QueryBudget* const budget_;
  std::string path_;  // of nodes alone
  std::vector<graphite::FoundNode> nodes_;
  std::size_t found_ = 0;
  bool too_many_ = false, sorted_ = true;
};

}  // namespace dadvisor::aggregator::series
