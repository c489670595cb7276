#include "aggregator/store/tombstones.hpp"

#include <algorithm>

#include "common/core/metric/column.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr TickNs least_tick = std::numeric_limits<TickNs>::min();
constexpr TickNs greatest_tick = std::numeric_limits<TickNs>::max();

// The last tick of a row that stands for `window`.
TickNs end_of(TickNs tick, Nanoseconds window) { return tick + window.count() - 1; }

}  // namespace

void DeletedTicks::add(Tombstone const& tombstone) {
  if (tombstone.from > tombstone.until) return;
  Tombstone joined = tombstone;
  std::erase_if(ranges_, [&](Tombstone const& range) {
    bool const apart = (range.until < joined.from && range.until + 1 < joined.from) ||
                       (joined.until < range.from && joined.until + 1 < range.from);
    if (apart) return false;
    joined.from = std::min(joined.from, range.from);
    joined.until = std::max(joined.until, range.until);
    joined.made = std::max(joined.made, range.made);
    return true;
  });
  ranges_.insert(std::ranges::upper_bound(ranges_, joined.from, {}, &Tombstone::from), joined);
}

bool DeletedTicks::touches(TickNs first, TickNs last) const {
  auto const range = std::ranges::lower_bound(ranges_, first, {}, &Tombstone::until);
  return range != ranges_.end() && range->from <= last;
}

bool DeletedTicks::clip(TickNs& first, TickNs& last) const {
  for (Tombstone const& range : ranges_)
    if (range.from <= first && first <= range.until) {
      if (range.until == greatest_tick) return false;
      first = range.until + 1;
    }
  for (auto range = ranges_.rbegin(); range != ranges_.rend(); ++range)
    if (range->from <= last && last <= range->until) {
      if (range->from == least_tick) return false;
      last = range->from - 1;
    }
  return first <= last;
}

TickNs DeletedTicks::hidden_until(TickNs tick) const {
  auto const range = std::ranges::lower_bound(ranges_, tick, {}, &Tombstone::until);
  return range != ranges_.end() && range->from <= tick ? range->until : least_tick;
}

bool DeletedTicks::any_since(TickNs made, TickNs first, TickNs last) const {
  return std::ranges::any_of(ranges_, [&](Tombstone const& range) {
    return range.made > made && range.from <= last && range.until >= first;
  });
}

bool Tombstones::Deleted::any_since(TickNs made, TickNs first, TickNs last) const {
  return rows.any_since(made, first, last) || std::ranges::any_of(columns, [&](auto const& each) {
           return each.second.any_since(made, first, last);
         });
}

Tombstones::Deleted const* Tombstones::find(EntityId entity) const {
  auto const found = entities_.find(entity);
  return found == entities_.end() ? nullptr : &found->second;
}

void Tombstones::add(Tombstone const& tombstone) {
  auto& deleted = entities_[tombstone.entity];
  (tombstone.column ? deleted.columns[*tombstone.column] : deleted.rows).add(tombstone);
  newest_ = std::max(newest_, tombstone.made);
}

bool Tombstones::touches(EntityId entity, TickNs first, TickNs last) const {
  auto const* const deleted = find(entity);
  if (deleted == nullptr) return false;
  return deleted->rows.touches(first, last) ||
         std::ranges::any_of(deleted->columns,
                             [&](auto const& each) { return each.second.touches(first, last); });
}

bool Tombstones::clip(EntityInfo& info) const {
  auto const* const deleted = find(info.id);
  if (deleted == nullptr) return true;
  TickNs first = tick_ns(info.first_tick), last = tick_ns(info.last_tick);
  if (!deleted->rows.clip(first, last)) return false;
  info.first_tick = from_tick_ns(first);
  info.last_tick = from_tick_ns(last);
  return true;
}

TickNs Tombstones::hidden_until(EntityId entity, TickNs last_tick) const {
  auto const* const deleted = find(entity);
  return deleted == nullptr ? least_tick : deleted->rows.hidden_until(last_tick);
}

std::vector<std::pair<MetricId, TickNs>> Tombstones::hidden_columns(EntityInfo const& info) const {
  std::vector<std::pair<MetricId, TickNs>> hidden;
  if (auto const* const deleted = find(info.id); deleted != nullptr)
    for (auto const& [column, ticks] : deleted->columns)
      if (TickNs const until = ticks.hidden_until(tick_ns(info.first_tick)); until != least_tick)
        hidden.emplace_back(column, until);
  return hidden;
}

void Tombstones::drop(EntityId entity, Nanoseconds window, ColumnTable& table) const {
  auto const* const deleted = find(entity);
  if (deleted == nullptr || table.ticks.empty()) return;
  for (auto const& [metric, ticks] : deleted->columns)
    for (TableColumn& column : table.columns)
      if (column_metric(column.id) == metric)
        table.erase_values(column, [&, &its = ticks](TickNs tick) {
          return its.touches(tick, end_of(tick, window));
        });
  if (!deleted->columns.empty()) table.erase_empty();
  table.erase_ticks([&](TickNs tick) { return deleted->rows.touches(tick, end_of(tick, window)); });
}

void Tombstones::drop(EntityId entity, Nanoseconds window, Selection const& selection,
                      SelectedRows& rows) const {
  auto const* const deleted = find(entity);
  if (deleted == nullptr || rows.ticks.empty()) return;
  for (auto const& [column, place] : selection.places()) {
    auto const found = deleted->columns.find(column_metric(column));
    if (found == deleted->columns.end()) continue;
    for (std::size_t row = 0; row < rows.ticks.size(); ++row)
      if (found->second.touches(rows.ticks[row], end_of(rows.ticks[row], window)))
        rows.set(place, row, Cell());
  }
  rows.erase_ticks([&](TickNs tick) { return deleted->rows.touches(tick, end_of(tick, window)); });
}

}  // namespace dadvisor::aggregator::store
