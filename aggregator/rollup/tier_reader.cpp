#include "aggregator/rollup/tier_reader.hpp"

#include <algorithm>
#include <map>

#include "aggregator/rollup/order_statistics.hpp"

namespace dadvisor::aggregator::rollup {

Result<void> TierReader::read_sealed(store::Tier tier, store::EntityInfo const& entity,
                                     WindowLayout const& layout, WallTime sealed, WallTime from,
                                     WallTime until, WindowVisitor const& visit) {
  if (from >= sealed) return {};
  return store_.scan_tier(tier, entity.id, layout.stored(), from,
                          std::min(until, sealed - Nanoseconds(1)),
                          [&](WallTime window, std::span<Cell const> cells) {
                            visit(read_window(layout, window, cells));
                          });
}

Result<void> TierReader::read(store::Tier tier, store::EntityInfo const& entity,
                              WindowLayout const& layout, WallTime from, WallTime until,
                              WindowVisitor const& visit) {
  WallTime const sealed = store_.sealed_until(tier);
  auto const read = read_sealed(tier, entity, layout, sealed, from, until, visit);
  if (!read || until < sealed) return read;
  return make(tier, entity, layout, std::max(from, sealed), until, visit);
}

Result<void> TierReader::read_plain(store::Tier tier, store::EntityInfo const& entity,
                                    WindowLayout const& layout, WallTime from, WallTime until,
                                    WindowVisitor const& visit) {
  WallTime const sealed = store_.sealed_until(tier);
  auto const read = read_sealed(tier, entity, layout, sealed, from, until, visit);
  if (!read || until < sealed) return read;
  return make_plain(tier, entity, layout, std::max(from, sealed), until, visit);
}

Result<void> TierReader::make(store::Tier tier, store::EntityInfo const& entity,
                              WindowLayout const& layout, WallTime from, WallTime until,
                              WindowVisitor const& visit) {
  bool const order = std::ranges::any_of(layout.columns(), [](WindowColumn const& column) {
    return column.keeping == Keeping::order;
  });
  if (!order || !instances_) return make_plain(tier, entity, layout, from, until, visit);
  std::vector<WindowRow> rows;
  auto const made = make_plain(tier, entity, layout, from, until,
                               [&](WindowRow const& row) { rows.push_back(row); });
  if (!made) return made;
  if (auto filled = fill_order(tier, entity, layout, rows); !filled) return filled;
  for (WindowRow const& row : rows) visit(row);
  return {};
}

Result<void> TierReader::make_plain(store::Tier tier, store::EntityInfo const& entity,
                                    WindowLayout const& layout, WallTime from, WallTime until,
                                    WindowVisitor const& visit) {
  Nanoseconds const window = store_.plan(tier).window;
  // Whole windows.
  from = tick_of(from + window - Nanoseconds(1), window);
  until = tick_of(until, window) + window - Nanoseconds(1);
  auto const wanted = [&](WindowRow const& row) {
    if (row.window >= from) visit(row);
  };
  if (tier == store::Tier::ten_minutes) {
    WindowJoiner joiner(layout, window);
    auto const finer = store::first_tier(layout.kind());
    auto const joined = read_plain(finer, entity, layout, from, until,
                                   [&](WindowRow const& row) { joiner.take(row, wanted); });
    if (joined) joiner.finish(wanted);
    return joined;
  }
  bool const raw = layout.kind() == EntityKind::container || layout.kind() == EntityKind::host;
  store::EntityId const host =
      layout.kind() == EntityKind::container ? host_of_(entity.entity.key) : store::absent_entity;
  CounterRates rates(host_ticks_, entity, host, layout.finest());
  WindowFolder folder(layout, window, entity.step, raw ? &rates : nullptr);
  auto const scanned = store_.scan(
      entity.id, layout.finest(), raw ? from - rates.reach() : from, until,
      [&](WallTime tick, std::span<Cell const> cells) { folder.take(tick, cells, wanted); });
  if (scanned) folder.finish(wanted);
  return scanned;
}

Result<void> TierReader::fill_order(store::Tier tier, store::EntityInfo const& entity,
                                    WindowLayout const& layout, std::vector<WindowRow>& rows) {
  if (rows.empty()) return {};
  Nanoseconds const window = store_.plan(tier).window;
  OrderStatistics order(layout, window);
  WallTime const from = rows.front().window;
  WallTime const until = rows.back().window + window - Nanoseconds(1);
  for (store::EntityInfo const& instance : instances_(entity.entity.key)) {
    if (instance.first_tick > until) continue;  // a list's last_tick may be an old one
    WindowLayout const its_layout(EntityKind::container, order.columns_of(instance.columns));
    if (its_layout.columns().empty()) continue;
    order.begin(its_layout);
    auto const done = read(store::Tier::minute_instances, instance, its_layout, from, until,
                           [&](WindowRow const& row) { order.take(row); });
    if (!done) return done;
    order.end();
  }
  for (WindowRow& row : rows) order.fill(row);
  return {};
}

}  // namespace dadvisor::aggregator::rollup
