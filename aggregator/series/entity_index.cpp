#include "aggregator/series/entity_index.hpp"

namespace dadvisor::aggregator::series {
namespace {

// Whether an index need not look again; last_tick moves all the time and plays no part.
bool unchanged(store::EntityPtr const& a, store::EntityPtr const& b) {
  return a == b || (a->id == b->id && a->step == b->step && a->first_tick == b->first_tick &&
                    a->columns == b->columns && a->entity == b->entity);
}

}  // namespace

void EntityIndex::follow(std::shared_ptr<store::EntityList const> const& list) {
  {
    std::shared_lock const lock(mutex_);
    if (list == list_) return;
  }
  std::unique_lock const lock(mutex_);
  if (list == list_) return;
  static std::vector<store::EntityPtr> const nothing;
  auto const& before = list_ ? list_->pointers() : nothing;
  auto old = before.begin();  // both are by id ascending
  for (store::EntityPtr const& info : list->pointers()) {
    for (; old != before.end() && (*old)->id < info->id; ++old) remove(**old);
    bool const known = old != before.end() && (*old)->id == info->id;
    if (known && unchanged(*old, info)) {
      ++old;
      continue;
    }
    if (known) remove(**old++);
    add(info);
  }
  for (; old != before.end(); ++old) remove(**old);
  list_ = list;
  changed();
}

}  // namespace dadvisor::aggregator::series
