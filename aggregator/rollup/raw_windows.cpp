#include "aggregator/rollup/raw_windows.hpp"

#include <algorithm>

namespace dadvisor::aggregator::rollup {
namespace {

Schema const& container_schema() {
  static Schema const made = [] {
    Schema schema;
    for (Metric const* metric : figure_metrics()) schema.metrics.push_back(metric->id);
    return schema;
  }();
  return made;
}

// Far enough before a tick that its rates and its expected instances are as in a live window.
Nanoseconds reach(Nanoseconds step) { return std::max(longest_hole, live_steps) * step; }

}  // namespace

Result<RawWindows> read_windows(store::Store const& store, HostTicks& host_ticks,
                                std::span<RawHost const> hosts,
                                std::span<RawInstance const> instances, AppNumber app,
                                std::set<WallTime> const& ticks) {
  RawWindows made;
  made.hosts.resize(hosts.size());
  if (ticks.empty()) return made;
  WallTime const first = *ticks.begin(), last = *ticks.rbegin();
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (hosts[i].entity == store::absent_entity) continue;
    // Twice the reach: the first rows that are read need the agent's tick before them.
    auto const delivered =
        host_ticks.between(hosts[i].entity, first - 2 * reach(hosts[i].step), last);
    if (!delivered) return delivered.error();
    for (WallTime const tick : **delivered) made.hosts[i].deliver(tick, hosts[i].step);
  }
  Schema const& schema = container_schema();
  for (RawInstance const& instance : instances) {
    HostWindow& window = made.hosts[instance.host];
    Nanoseconds const step = hosts[instance.host].step;
    InstanceReadings readings;
    auto const scanned =
        store.scan(instance.entity, schema.metrics, first - reach(step), last,
                   [&](WallTime tick, std::span<Cell const> cells) {
                     ++made.rows;
                     Figures figures = readings.take(schema, cells, tick, step,
                                                     instance.key->start_ns, window.previous(tick));
                     window.deliver(tick, step);
                     window.add(tick, app, InstanceRow{instance.key, std::move(figures)});
                   });
    if (!scanned) return scanned.error();
  }
  return made;
}

}  // namespace dadvisor::aggregator::rollup
