#pragma once
// What differs between two of the store's entity lists, for whoever keeps an index of them. Pure.

#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::series {

// Whether an index need not look again; last_tick moves all the time and plays no part.
inline bool unchanged(store::EntityInfo const& a, store::EntityInfo const& b) {
  return a.id == b.id && a.step == b.step && a.first_tick == b.first_tick &&
         a.columns == b.columns && a.entity == b.entity;
}

// Calls remove(info) for what went and add(info) for what came; both, in that order, for what is
// another now. Lists are by id ascending.
template <typename Remove, typename Add>
void visit_changes(store::EntityList const& before, store::EntityList const& now,
                   Remove const& remove, Add const& add) {
  auto old = before.begin();
  for (store::EntityInfo const& info : now) {
    for (; old != before.end() && old->id < info.id; ++old) remove(*old);
    bool const known = old != before.end() && old->id == info.id;
    if (known && unchanged(*old, info)) {
      ++old;
      continue;
    }
    if (known) remove(*old++);
    add(info);
  }
  for (; old != before.end(); ++old) remove(*old);
}

}  // namespace dadvisor::aggregator::series
