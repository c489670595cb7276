#include "aggregator/rollup/tier_reader.hpp"

#include <algorithm>

#include "aggregator/rollup/order_statistics.hpp"
#include "aggregator/rollup/window_folder.hpp"
#include "aggregator/rollup/window_form.hpp"
#include "aggregator/rollup/window_joiner.hpp"

namespace dadvisor::aggregator::rollup {

Result<void> TierReader::read_sealed(store::Tier tier, store::EntityInfo const& entity,
                                     WindowLayout const& layout, WallTime sealed, WallTime from,
                                     WallTime until, WindowVisitor const& visit) {
  if (from >= sealed) return {};
  return store_.scan_tier(
      tier, entity.id, layout.stored(), from, std::min(until, sealed - Nanoseconds(1)),
      [&](WallTime window, std::span<Cell const> cells) {
        visit(read_window(layout, window, cells));
      },
      &sealed_[static_cast<std::size_t>(tier)]);
}

Result<void> TierReader::read(store::Tier tier, store::EntityInfo const& entity,
                              WindowLayout const& layout, WallTime from, WallTime until,
                              WindowVisitor const& visit) {
  return read_over_seam(&TierReader::make, tier, entity, layout, from, until, visit);
}

Result<void> TierReader::read_over_seam(Make maker, store::Tier tier,
                                        store::EntityInfo const& entity, WindowLayout const& layout,
                                        WallTime from, WallTime until, WindowVisitor const& visit) {
  WallTime const sealed = store_.sealed_until(tier);
  auto const read = read_sealed(tier, entity, layout, sealed, from, until, visit);
  if (!read || until < sealed) return read;
  return (this->*maker)(tier, entity, layout, std::max(from, sealed), until, visit);
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
  Nanoseconds const window = window_of(tier);
  // Whole windows.
  from = tick_of(from + window - Nanoseconds(1), window);
  until = tick_of(until, window) + window - Nanoseconds(1);
  auto const wanted = [&](WindowRow const& row) {
    if (row.window >= from) visit(row);
  };
  if (tier == store::Tier::ten_minutes) {
    WindowJoiner joiner(layout, window);
    auto const finer = store::first_tier(layout.kind());
    auto const joined = read_over_seam(&TierReader::make_plain, finer, entity, layout, from, until,
                                       [&](WindowRow const& row) { joiner.take(row, wanted); });
    if (joined) joiner.finish(wanted);
    return joined;
  }
  bool const raw = layout.kind() == EntityKind::container || layout.kind() == EntityKind::host;
  store::EntityId const host =
      layout.kind() == EntityKind::container ? host_of_(entity.entity.key) : store::absent_entity;
  CounterRates rates(host_ticks_, entity, host, layout.finest());
  WindowFolder folder(layout, window, entity.step, raw ? &rates : nullptr);
  WallTime const start = raw ? from - rates.reach() : from;
  bool begun = false;
  auto const scanned = store_.scan(
      entity.id, layout.finest(), start, until,
      [&](WallTime tick, std::span<Cell const> cells) {
        if (raw && !begun && tick >= from) take_before(entity, layout, start, rates);
        begun = true;
        folder.take(tick, cells, wanted);
      },
      &raw_);
  if (scanned) folder.finish(wanted);
  return scanned;
}

void TierReader::take_before(store::EntityInfo const& entity, WindowLayout const& layout,
                             WallTime end, CounterRates& rates) {
  bool found = false;
  for (Nanoseconds span = std::chrono::hours(1); !found && entity.first_tick < end; span *= 8) {
    auto const scanned = store_.scan(entity.id, layout.finest(), end - span, end - Nanoseconds(1),
                                     [&](WallTime tick, std::span<Cell const> cells) {
                                       found = true;
                                       rates.take(tick, cells);
                                     });
    if (!scanned) return;  // damaged: the row behind the hole is then the first that is known
    end -= span;
  }
}

Result<void> TierReader::fill_order(store::Tier tier, store::EntityInfo const& entity,
                                    WindowLayout const& layout, std::vector<WindowRow>& rows) {
  if (rows.empty()) return {};
  Nanoseconds const window = window_of(tier);
  std::size_t at_once = rows.size();
  for (std::size_t first = 0; first < rows.size();) {
    WallTime const from = rows[first].window;
    OrderStatistics order(layout, window, rows[std::min(first + at_once, rows.size()) - 1].window);
    auto const until = [&] { return order.last() + window - Nanoseconds(1); };
    auto const take = [&](store::EntityInfo const& instance) -> Result<void> {
      if (instance.first_tick > until()) return {};  // a list's last_tick may be an old one
      WindowLayout const its_layout(EntityKind::container, order.columns_of(instance.columns));
      if (its_layout.columns().empty()) return {};
      order.begin(its_layout);
      auto const done = read(store::Tier::minute_instances, instance, its_layout, from, until(),
                             [&](WindowRow const& row) { order.take(row); });
      if (done) order.end();
      return done;
    };
    if (auto done = instances_(entity.entity.key, from, until(), take); !done) return done;
    std::size_t const before = first;
    while (first < rows.size() && rows[first].window <= order.last()) order.fill(rows[first++]);
    at_once = first - before;
  }
  return {};
}

}  // namespace dadvisor::aggregator::rollup
