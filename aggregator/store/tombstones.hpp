#pragma once
// What was deleted: ranges of ticks by entity. Rows in them are seen by nobody from the moment on
// in which the tombstone is durable in the catalogue; their bytes go when a spill, a merge or the
// rewriting of a file comes by. A tombstone goes with its entity, so that a row that comes late, or
// comes again from the log, stays deleted. A value; shared as const between threads.

#include <limits>
#include <map>
#include <vector>

#include "aggregator/store/column_table.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::store {

class Tombstones {
 public:
  // Ranges that overlap or touch become one.
  void add(Tombstone const& tombstone);
  void forget(EntityId entity) { ranges_.erase(entity); }

  bool empty() const { return ranges_.empty(); }
  std::size_t entities() const { return ranges_.size(); }
  bool covers(EntityId entity, TickNs tick) const { return touches(entity, tick, tick); }
  bool names(EntityId entity) const { return ranges_.contains(entity); }
  // Whether a tick of [first, last] is deleted.
  bool touches(EntityId entity, TickNs first, TickNs last) const;
  // Cuts what is deleted off the entity's first and last tick; false: nothing of it is left.
  bool clip(EntityInfo& info) const;
  // The last deleted tick where that of `last_tick` is deleted; the least TickNs where it is not.
  TickNs hidden_until(EntityId entity, TickNs last_tick) const;
  // Takes deleted rows out.
  void drop(EntityId entity, ColumnTable& table) const;
  // When the newest one was made; the least TickNs when there is none.
  TickNs newest() const { return newest_; }
  // Those made after `made` that overlap [first, last].
  template <typename Visit>
  bool any_since(TickNs made, TickNs first, TickNs last, Visit const& visit) const {
    for (auto const& [entity, ranges] : ranges_)
      for (Tombstone const& range : ranges)
        if (range.made > made && range.from <= last && range.until >= first && visit(entity))
          return true;
    return false;
  }

 private:
  std::map<EntityId, std::vector<Tombstone>> ranges_;  // by `from`, apart
  TickNs newest_ = std::numeric_limits<TickNs>::min();
};

}  // namespace dadvisor::aggregator::store
