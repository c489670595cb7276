#include "aggregator/store/tombstones.hpp"

#include <algorithm>

namespace dadvisor::aggregator::store {
namespace {

constexpr TickNs least_tick = std::numeric_limits<TickNs>::min();
constexpr TickNs greatest_tick = std::numeric_limits<TickNs>::max();

}  // namespace

void Tombstones::add(Tombstone const& tombstone) {
  if (tombstone.from > tombstone.until) return;
  auto& ranges = ranges_[tombstone.entity];
  Tombstone joined = tombstone;
  std::erase_if(ranges, [&](Tombstone const& range) {
    bool const apart = (range.until < joined.from && range.until + 1 < joined.from) ||
                       (joined.until < range.from && joined.until + 1 < range.from);
    if (apart) return false;
    joined.from = std::min(joined.from, range.from);
    joined.until = std::max(joined.until, range.until);
    joined.made = std::max(joined.made, range.made);
    return true;
  });
  auto const place = std::ranges::upper_bound(ranges, joined.from, {}, &Tombstone::from);
  ranges.insert(place, joined);
  newest_ = std::max(newest_, joined.made);
}

bool Tombstones::touches(EntityId entity, TickNs first, TickNs last) const {
  auto const found = ranges_.find(entity);
  if (found == ranges_.end()) return false;
  auto const range = std::ranges::lower_bound(found->second, first, {}, &Tombstone::until);
  return range != found->second.end() && range->from <= last;
}

bool Tombstones::clip(EntityInfo& info) const {
  auto const found = ranges_.find(info.id);
  if (found == ranges_.end()) return true;
  TickNs first = tick_ns(info.first_tick), last = tick_ns(info.last_tick);
  for (Tombstone const& range : found->second)
    if (range.from <= first && first <= range.until) {
      if (range.until == greatest_tick) return false;
      first = range.until + 1;
    }
  for (auto range = found->second.rbegin(); range != found->second.rend(); ++range)
    if (range->from <= last && last <= range->until) {
      if (range->from == least_tick) return false;
      last = range->from - 1;
    }
  if (first > last) return false;
  info.first_tick = from_tick_ns(first);
  info.last_tick = from_tick_ns(last);
  return true;
}

TickNs Tombstones::hidden_until(EntityId entity, TickNs last_tick) const {
  auto const found = ranges_.find(entity);
  if (found == ranges_.end()) return least_tick;
  for (Tombstone const& range : found->second)
    if (range.from <= last_tick && last_tick <= range.until) return range.until;
  return least_tick;
}

void Tombstones::drop(EntityId entity, ColumnTable& table) const {
  if (table.ticks.empty() || !ranges_.contains(entity)) return;
  table.erase_ticks([&](TickNs tick) { return covers(entity, tick); });
}

}  // namespace dadvisor::aggregator::store
