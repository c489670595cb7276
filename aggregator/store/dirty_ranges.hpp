#pragma once
// What has to be made again because a row came late: entities, each with a range of ticks, kept
// apart by periods so that one late row does not touch all that lies between it and another.
// Values; guarded by their owner.

#include <map>
#include <vector>

#include "aggregator/store/rows.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::store {

class DirtyRanges {
 public:
  explicit DirtyRanges(Nanoseconds period) : period_(period.count()) {}

  // Marks [from, until], cut up along the periods.
  void mark(EntityId entity, TickNs from, TickNs until);
  // The newest period with ranges before `until`: they are under way now, by entity ascending;
  // empty when there are none.
  std::vector<DirtyRange> begin_newest(TickNs until);
  // What was under way is clean, or it is dirty still.
  void end(bool clean);
  // Those under way among them.
  std::vector<DirtyRange> all() const;
  std::size_t size() const { return ranges_.size() + under_way_.size(); }
  // The first dirty tick; the greatest TickNs when there is none.
  TickNs first() const;

 private:
  struct Range {
    TickNs from, until;
  };
  TickNs period_;
  std::vector<DirtyRange> under_way_;
  std::map<std::pair<TickNs, EntityId>, Range> ranges_;  // by the period's begin
};

}  // namespace dadvisor::aggregator::store
