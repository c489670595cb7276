#pragma once
// What has to be made again because a row came late: entities, each with a range of ticks, kept
// apart by periods so that one late row does not touch all that lies between it and another.
// Values; guarded by their owner.

#include <map>
#include <vector>

#include "aggregator/store/rows.hpp"
#include "aggregator/store/store.hpp"
#include "aggregator/store/tier.hpp"

namespace dadvisor::aggregator::store {

class DirtyRanges {
 public:
  explicit DirtyRanges(TierPlan const& plan)
      : window_(plan.window.count()), period_(plan.period.count()) {}

  // Marks [from, until], cut up along the periods.
  void mark(EntityId entity, TickNs from, TickNs until);
  // The newest period with ranges before `until`: they are under way now, by entity ascending;
  // empty when there are none.
  std::vector<DirtyRange> begin_newest(TickNs until);
  // What was under way is clean, or it is dirty still.
  void end(bool clean);
  // Those under way among them.
  std::vector<DirtyRange> all() const;
  // Windows of entities that wait to be made again, those under way among them.
  std::size_t windows() const { return waiting_ + windows_under_way_; }
  // The first dirty tick; the greatest TickNs when there is none.
  TickNs first() const;

 private:
  struct Range {
    TickNs from, until;
  };
  std::size_t windows_of(Range const& range) const;

  TickNs window_, period_;
  std::vector<DirtyRange> under_way_;
  std::size_t waiting_ = 0, windows_under_way_ = 0;
  std::map<std::pair<TickNs, EntityId>, Range> ranges_;  // by the period's begin
};

}  // namespace dadvisor::aggregator::store
