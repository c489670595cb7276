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

Result<void> RawFigures::read_host(RawHost const& host, HostWindow& window) {
  if (host.entity == store::absent_entity) return {};
  // Twice the reach: the first rows that are read need the agent's tick before them.
  auto const delivered =
      host_ticks_.between(host.entity, *ticks_.begin() - 2 * reach(host.step), *ticks_.rbegin());
  if (!delivered) return delivered.error();
  for (WallTime const tick : **delivered) window.deliver(tick, host.step);
  return {};
}

Result<void> RawFigures::read(RawInstance const& instance, Nanoseconds step, HostWindow& window,
                              Visitor const& visit) {
  InstanceReadings readings;
  return store_.scan(
      instance.entity, schema_.metrics, *ticks_.begin() - reach(step), *ticks_.rbegin(),
      [&](WallTime tick, std::span<Cell const> cells) {
        ++rows_;
        Figures figures =
            readings.take(plan_, cells, tick, step, instance.key->start_ns, window.previous(tick));
        window.deliver(tick, step);
        visit(tick, std::move(figures));
      },
      &reads_);
}

Result<RawWindows> read_windows(store::Store const& store, HostTicks& host_ticks,
                                std::span<RawHost const> hosts,
                                std::span<RawInstance const> instances, AppNumber app,
                                std::set<WallTime> const& ticks) {
  RawWindows made;
  made.hosts.resize(hosts.size());
  if (ticks.empty()) return made;
  RawFigures reader(store, host_ticks, container_schema(), ticks);
  for (std::size_t i = 0; i < hosts.size(); ++i)
    if (auto read = reader.read_host(hosts[i], made.hosts[i]); !read) return read.error();
  for (RawInstance const& instance : instances) {
    HostWindow& window = made.hosts[instance.host];
    auto const read = reader.read(instance, hosts[instance.host].step, window,
                                  [&](WallTime tick, Figures figures) {
                                    window.add(tick, app, *instance.key, std::move(figures));
                                  });
    if (!read) return read.error();
  }
  made.rows = reader.rows();
  return made;
}

}  // namespace dadvisor::aggregator::rollup
