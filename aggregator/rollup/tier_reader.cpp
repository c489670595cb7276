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
  CounterRates rates(host_ticks_, entity.entity.key.start_ns, entity.step, host);
  WindowFolder folder(layout, window, entity.step, raw ? &rates : nullptr);
  if (!scan_ || !std::ranges::equal(scan_->columns(), layout.finest()))
    scan_.emplace(layout.finest(), &raw_);
  WallTime const start = raw ? from - rates.reach() : from;
  store::EntityId const id = entity.id;
  return store_.scan({&id, 1}, start, until, *scan_, [&](std::size_t) -> Result<void> {
    store::SelectedRows const& rows = scan_->rows();
    auto const ticks = rows.ticks.list();
    auto const first = static_cast<std::size_t>(
        std::ranges::lower_bound(ticks, store::tick_ns(from)) - ticks.begin());
    if (raw && first > 0) folder.take_before(ticks.first(first), rows.columns);
    if (raw && first == 0 && !ticks.empty()) take_before(entity, layout, start, folder);
    folder.fold(ticks, rows.columns, first, visit);
    return {};
  });
}

void TierReader::take_before(store::EntityInfo const& entity, WindowLayout const& layout,
                             WallTime end, WindowFolder& folder) {
  store::ColumnScan scan(layout.finest());
  store::EntityId const id = entity.id;
  bool found = false;
  for (Nanoseconds span = std::chrono::hours(1); !found && entity.first_tick < end; span *= 8) {
    auto const read = store_.scan({&id, 1}, end - span, end - Nanoseconds(1), scan,
                                  [&](std::size_t) -> Result<void> {
                                    found = !scan.rows().ticks.empty();
                                    folder.take_before(scan.rows().ticks, scan.rows().columns);
                                    return {};
                                  });
    if (!read) return;  // damaged: the row behind the hole is then the first that is known
    end -= span;
  }
}

Result<void> TierReader::fill_order(store::Tier tier, store::EntityInfo const& entity,
                                    WindowLayout const& layout, std::vector<WindowRow>& rows) {
  if (rows.empty()) return {};
  auto const metrics = ordered_metrics(layout);
  std::size_t some = metrics.size();
  for (std::span<Metric const* const> left(metrics); !left.empty(); left = left.subspan(some)) {
    auto const filled =
        fill_some_order(left.first(std::min(some, left.size())), tier, entity, layout, rows);
    if (!filled) return filled.error();
    some = *filled;
  }
  return {};
}

Result<std::size_t> TierReader::fill_some_order(std::span<Metric const* const> metrics,
                                                store::Tier tier, store::EntityInfo const& entity,
                                                WindowLayout const& layout,
                                                std::vector<WindowRow>& rows) {
  using Spare = OrderStatistics::Spare;
  Nanoseconds const window = window_of(tier);
  std::size_t at_once = rows.size();
  for (std::size_t first = 0; first < rows.size();) {
    WallTime const from = rows[first].window;
    OrderStatistics order(layout, metrics, window,
                          rows[std::min(first + at_once, rows.size()) - 1].window,
                          first == 0 ? Spare::metrics_then_windows : Spare::windows);
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
    if (auto done = instances_(entity.entity.key, from, until(), take); !done) return done.error();
    metrics = metrics.first(order.metrics());
    std::size_t const before = first;
    while (first < rows.size() && rows[first].window <= order.last()) order.fill(rows[first++]);
    at_once = first - before;
  }
  return metrics.size();
}

}  // namespace dadvisor::aggregator::rollup
