#pragma once
// What was deleted: ranges of ticks by entity, of whole rows or of one of its columns. Nobody sees
// it from the moment on in which the tombstone is durable in the catalogue; its bytes go when a
// spill, a merge or the rewriting of a file comes by. A tombstone goes with its entity, so that a
// row that comes late, or comes again from the log, stays deleted. A value; shared as const between
// threads.

#include <limits>
#include <map>
#include <vector>

#include "aggregator/store/column_table.hpp"
#include "aggregator/store/selected_rows.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::store {

// Ranges of ticks, both ends included.
class DeletedTicks {
 public:
  // Ranges that overlap or touch become one.
  void add(Tombstone const& tombstone);
  // Whether a tick of [first, last] is deleted.
  bool touches(TickNs first, TickNs last) const;
  // Cuts what is deleted off both ends; false: nothing is left.
  bool clip(TickNs& first, TickNs& last) const;
  // The last deleted tick where that of `tick` is deleted; the least TickNs where it is not.
  TickNs hidden_until(TickNs tick) const;
  // Whether one made after `made` overlaps [first, last].
  bool any_since(TickNs made, TickNs first, TickNs last) const;

 private:
  std::vector<Tombstone> ranges_;  // by `from`, apart
};

class Tombstones {
 public:
  void add(Tombstone const& tombstone);
  void forget(EntityId entity) { entities_.erase(entity); }

  bool empty() const { return entities_.empty(); }
  std::size_t entities() const { return entities_.size(); }
  bool names(EntityId entity) const { return entities_.contains(entity); }
  // Whether anything of [first, last] is deleted, if only of one column.
  bool touches(EntityId entity, TickNs first, TickNs last) const;
  // Cuts what is deleted off the entity's first and last tick; false: nothing of it is left.
  bool clip(EntityInfo& info) const;
  // Of whole rows: the last deleted tick where that of `last_tick` is; else the least TickNs.
  TickNs hidden_until(EntityId entity, TickNs last_tick) const;
  // The columns whose values are deleted from the entity's first tick on, and up to where.
  std::vector<std::pair<MetricId, TickNs>> hidden_columns(EntityInfo const& info) const;
  // Take deleted rows and values out of rows that stand for `window` ns each (1: for their tick
  // alone): of a window any part of which is deleted nothing can be told.
  void drop(EntityId entity, Nanoseconds window, ColumnTable& table) const;
  void drop(EntityId entity, Nanoseconds window, Selection const& selection,
            SelectedRows& rows) const;
  // When the newest one was made; the least TickNs when there is none.
  TickNs newest() const { return newest_; }
  // Whether an entity for which visit(entity) is true has one made after `made` that overlaps
  // [first, last].
  template <typename Visit>
  bool any_since(TickNs made, TickNs first, TickNs last, Visit const& visit) const {
    for (auto const& [entity, deleted] : entities_)
      if (deleted.any_since(made, first, last) && visit(entity)) return true;
    return false;
  }

 private:
  struct Deleted {
    DeletedTicks rows;
    std::map<MetricId, DeletedTicks> columns;  // by metric
    bool any_since(TickNs made, TickNs first, TickNs last) const;
  };
  Deleted const* find(EntityId entity) const;

  std::map<EntityId, Deleted> entities_;
  TickNs newest_ = std::numeric_limits<TickNs>::min();
};

}  // namespace dadvisor::aggregator::store
