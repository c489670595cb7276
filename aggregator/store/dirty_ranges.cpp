#include "aggregator/store/dirty_ranges.hpp"

#include <algorithm>
#include <limits>

namespace dadvisor::aggregator::store {

// Periods and windows begin at multiples of their length, before 1970 too.
std::size_t DirtyRanges::windows_of(Range const& range) const {
  auto const begin_of = [this](TickNs tick) { return tick - (tick % window_ + window_) % window_; };
  return static_cast<std::size_t>((begin_of(range.until) - begin_of(range.from)) / window_ + 1);
}

void DirtyRanges::mark(EntityId entity, TickNs from, TickNs until) {
  while (from <= until) {
    TickNs const period = from - (from % period_ + period_) % period_;
    TickNs const last = std::min(until, period + period_ - 1);
    auto const [found, added] = ranges_.try_emplace({period, entity}, Range{from, last});
    if (!added) {
      waiting_ -= windows_of(found->second);
      found->second.from = std::min(found->second.from, from);
      found->second.until = std::max(found->second.until, last);
    }
    waiting_ += windows_of(found->second);
    from = last + 1;
  }
}

std::vector<DirtyRange> DirtyRanges::begin_newest(TickNs until) {
  for (auto range = ranges_.lower_bound({until, 0}); range != ranges_.begin();) {
    --range;
    TickNs const period = range->first.first;
    if (period + period_ > until) continue;
    for (auto one = ranges_.lower_bound({period, 0});
         one != ranges_.end() && one->first.first == period;) {
      auto const& [from, last] = one->second;
      waiting_ -= windows_of(one->second);
      windows_under_way_ += windows_of(one->second);
      under_way_.push_back({one->first.second, from_tick_ns(from), from_tick_ns(last)});
      one = ranges_.erase(one);
    }
    break;
  }
  return under_way_;
}

void DirtyRanges::end(bool clean) {
  auto const ended = std::move(under_way_);
  under_way_.clear();
  windows_under_way_ = 0;
  if (clean) return;
  for (DirtyRange const& range : ended)
    mark(range.entity, tick_ns(range.from), tick_ns(range.until));
}

std::vector<DirtyRange> DirtyRanges::all() const {
  std::vector<DirtyRange> listed = under_way_;
  for (auto const& [key, range] : ranges_)
    listed.push_back({key.second, from_tick_ns(range.from), from_tick_ns(range.until)});
  return listed;
}

TickNs DirtyRanges::first() const {
  TickNs first = std::numeric_limits<TickNs>::max();
  for (DirtyRange const& range : under_way_) first = std::min(first, tick_ns(range.from));
  for (auto const& [key, range] : ranges_) {
    if (key.first != ranges_.begin()->first.first) break;
    first = std::min(first, range.from);
  }
  return first;
}

}  // namespace dadvisor::aggregator::store
