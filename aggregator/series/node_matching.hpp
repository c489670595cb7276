#pragma once
// The children of a node of a tree of names that a pattern's node matches. Pure.

#include <string>

#include "graphite-bridge/glob.hpp"

namespace dadvisor::aggregator::series {

// Calls visit(name, child) for the children that a pattern's node matches.
template <typename Children, typename Visit>
void matching(Children const& children, graphite::NodePattern const& pattern, Visit const& visit) {
  if (pattern.is_literal()) {
    for (std::string const& name : pattern.literals())
      if (auto const found = children.find(name); found != children.end())
        visit(found->first, found->second);
    return;
  }
  std::string const& prefix = pattern.literal_prefix();
  for (auto child = children.lower_bound(prefix);
       child != children.end() && child->first.starts_with(prefix); ++child)
    if (pattern.matches(child->first)) visit(child->first, child->second);
}

}  // namespace dadvisor::aggregator::series
