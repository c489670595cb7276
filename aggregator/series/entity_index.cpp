#include "aggregator/series/entity_index.hpp"

namespace dadvisor::aggregator::series {
namespace {

// Whether an index need not look again; last_tick moves all the time and plays no part.
bool unchanged(store::EntityInfo const& a, store::EntityInfo const& b) {
  return a.id == b.id && a.step == b.step && a.first_tick == b.first_tick &&
         a.columns == b.columns && a.entity == b.entity;
}

}  // namespace

void EntityIndex::follow(std::shared_ptr<store::EntityList const> const& list) {
  {
    std::shared_lock const lock(mutex_);
    if (list == list_) return;
  }
  std::unique_lock const lock(mutex_);
  if (list == list_) return;
  static store::EntityList const nothing;
  store::EntityList const& before = list_ ? *list_ : nothing;
  auto old = before.begin();  // both are by id ascending
  for (store::EntityInfo const& info : *list) {
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
  list_ = list;
  changed();
}

}  // namespace dadvisor::aggregator::series
