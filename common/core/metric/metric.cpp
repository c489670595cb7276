#include "common/core/metric/metric.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

namespace dadvisor {
namespace {

// Where a metric may stand: on rows of containers, of hosts, of both, or on rollup rows alone.
enum class On { container, host, both, rollup_only };
// The factor from stored to shown.
constexpr double as_is = 1, milli = 1e-3, micro = 1e-6, nano = 1e-9;
constexpr bool ranked = true, unranked = false;

using enum MetricType;
using enum MetricPace;
using enum On;
constexpr auto add = MetricRollup::add;
constexpr auto max = MetricRollup::max;
constexpr auto last = MetricRollup::last;

constexpr Metric make(MetricId id, std::string_view leaf, MetricPace pace, On on) {
  Metric metric{};
  metric.id = id;
  metric.leaf = leaf;
  metric.pace = pace;
  metric.on_container = on == container || on == both;
  metric.on_host = on == host || on == both;
  metric.ratio_scale = 1;
  return metric;
}

constexpr Metric counter(MetricId id, std::string_view leaf, std::string_view rate_leaf,
                         MetricPace pace, MetricRollup rollup, On on, double scale,
                         std::string_view unit, bool is_ranked = unranked) {
  Metric metric = make(id, leaf, pace, on);
  metric.rate_leaf = rate_leaf;
  metric.kind = MetricKind::counter;
  metric.type = integer;
  metric.rollup = rollup;
  metric.ranked = is_ranked;
  metric.scale = scale;
  metric.unit = unit;
  return metric;
}

constexpr Metric gauge(MetricId id, std::string_view leaf, MetricType type, MetricPace pace,
                       MetricRollup rollup, On on, double scale, std::string_view unit,
                       bool is_ranked = unranked) {
  Metric metric = make(id, leaf, pace, on);
  metric.kind = MetricKind::gauge;
  metric.type = type;
  metric.rollup = rollup;
  metric.ranked = is_ranked;
  metric.scale = scale;
  metric.unit = unit;
  return metric;
}

// A percentage, made of two stored metrics when a row is read or rolled up.
constexpr Metric ratio(MetricId id, std::string_view leaf, MetricId numerator, MetricId denominator,
                       bool is_ranked) {
  Metric metric =
      gauge(id, leaf, real, derived, MetricRollup::ratio, container, as_is, "%", is_ranked);
  metric.numerator = numerator;
  metric.denominator = denominator;
  metric.ratio_scale = 100;
  return metric;
}

using namespace metric;

constexpr std::array table{
    counter(cpu_usage, "cpu.usage", "cpu.cores", tick, add, both, nano, "s", ranked),
    counter(cpu_user, "cpu.user", "cpu.user_rate", tick, add, both, nano, "s"),
    counter(cpu_system, "cpu.system", "cpu.system_rate", tick, add, both, nano, "s"),
    counter(cpu_periods, "cpu.periods", "cpu.periods_rate", tick, add, container, as_is, "1"),
    counter(cpu_throttled, "cpu.throttled", "cpu.throttled_rate", tick, add, container, as_is, "1"),
    counter(cpu_throttled_time, "cpu.throttled_time", "cpu.throttled_time_rate", tick, add,
            container, nano, "s"),
    ratio(cpu_throttled_pct, "cpu.throttled_pct", cpu_throttled, cpu_periods, unranked),
    gauge(cpu_limit, "cpu.limit", real, slow, add, container, as_is, "cores"),
    ratio(cpu_pct_limit, "cpu.pct_limit", cpu_usage, cpu_limit, ranked),
    ratio(cpu_pct_host, "cpu.pct_host", cpu_usage, cpu_host_cpus, unranked),
    gauge(cpu_shares, "cpu.shares", integer, slow, last, container, as_is, "1"),
    counter(cpu_pressure_some, "cpu.pressure_some", "cpu.pressure_some_rate", tick, max, container,
            micro, "s"),
    gauge(cpu_host_cpus, "cpu.host_cpus", integer, slow, add, container, as_is, "1"),
    gauge(mem_usage, "mem.usage", integer, tick, add, container, as_is, "B"),
    gauge(mem_working_set, "mem.working_set", integer, tick, add, container, as_is, "B", ranked),
    gauge(mem_rss, "mem.rss", integer, tick, add, container, as_is, "B"),
    gauge(mem_cache, "mem.cache", integer, tick, add, both, as_is, "B"),
    gauge(mem_shmem, "mem.shmem", integer, tick, add, container, as_is, "B"),
    gauge(mem_mapped, "mem.mapped", integer, tick, add, container, as_is, "B"),
    gauge(mem_swap, "mem.swap", integer, tick, add, container, as_is, "B"),
    gauge(mem_kernel, "mem.kernel", integer, tick, add, container, as_is, "B"),
    gauge(mem_dirty, "mem.dirty", integer, tick, add, both, as_is, "B"),
    gauge(mem_peak, "mem.peak", integer, slow, max, container, as_is, "B"),
    gauge(mem_limit, "mem.limit", integer, slow, add, container, as_is, "B"),
    ratio(mem_pct_limit, "mem.pct_limit", mem_working_set, mem_limit, ranked),
    counter(mem_limit_hits, "mem.limit_hits", "mem.limit_hits_rate", tick, add, container, as_is,
            "1"),
    counter(mem_oom_kills, "mem.oom_kills", "mem.oom_kills_rate", tick, add, both, as_is, "1"),
    counter(mem_faults, "mem.faults", "mem.faults_rate", tick, add, container, as_is, "1"),
    counter(mem_major_faults, "mem.major_faults", "mem.major_faults_rate", tick, add, both, as_is,
            "1"),
    counter(mem_pressure_some, "mem.pressure_some", "mem.pressure_some_rate", tick, max, container,
            micro, "s"),
    counter(mem_pressure_full, "mem.pressure_full", "mem.pressure_full_rate", tick, max, container,
            micro, "s"),
    counter(io_read_bytes, "io.read_bytes", "io.read_bytes_rate", tick, add, container, as_is, "B",
            ranked),
    counter(io_write_bytes, "io.write_bytes", "io.write_bytes_rate", tick, add, container, as_is,
            "B", ranked),
    counter(io_reads, "io.reads", "io.reads_rate", tick, add, container, as_is, "1"),
    counter(io_writes, "io.writes", "io.writes_rate", tick, add, container, as_is, "1"),
    counter(io_pressure_some, "io.pressure_some", "io.pressure_some_rate", tick, max, container,
            micro, "s"),
    gauge(fs_layer_bytes, "fs.layer_bytes", integer, walk, add, container, as_is, "B"),
    gauge(fs_volume_bytes, "fs.volume_bytes", integer, walk, add, container, as_is, "B"),
    gauge(fs_layer_inodes, "fs.layer_inodes", integer, walk, add, container, as_is, "1"),
    counter(net_rx_bytes, "net.rx_bytes", "net.rx_bytes_rate", tick, add, both, as_is, "B", ranked),
    counter(net_tx_bytes, "net.tx_bytes", "net.tx_bytes_rate", tick, add, both, as_is, "B", ranked),
    counter(net_rx_packets, "net.rx_packets", "net.rx_packets_rate", tick, add, both, as_is, "1"),
    counter(net_tx_packets, "net.tx_packets", "net.tx_packets_rate", tick, add, both, as_is, "1"),
    counter(net_rx_errors, "net.rx_errors", "net.rx_errors_rate", tick, add, both, as_is, "1"),
    counter(net_tx_errors, "net.tx_errors", "net.tx_errors_rate", tick, add, both, as_is, "1"),
    counter(net_rx_drops, "net.rx_drops", "net.rx_drops_rate", tick, add, both, as_is, "1"),
    counter(net_tx_drops, "net.tx_drops", "net.tx_drops_rate", tick, add, both, as_is, "1"),
    gauge(net_tcp_inuse, "net.tcp_inuse", integer, slow, add, both, as_is, "1"),
    gauge(net_tcp_tw, "net.tcp_tw", integer, slow, add, both, as_is, "1"),
    counter(net_tcp_retrans, "net.tcp_retrans", "net.tcp_retrans_rate", slow, add, both, as_is,
            "1"),
    counter(net_listen_drops, "net.listen_drops", "net.listen_drops_rate", slow, add, both, as_is,
            "1"),
    gauge(pids_current, "pids.current", integer, tick, add, container, as_is, "1"),
    gauge(pids_limit, "pids.limit", integer, slow, add, container, as_is, "1"),
    counter(pids_failed, "pids.failed", "pids.failed_rate", tick, add, container, as_is, "1"),
    gauge(proc_count, "proc.count", integer, slow, add, container, as_is, "1"),
    gauge(proc_fds, "proc.fds", integer, slow, add, container, as_is, "1"),
    gauge(state_up, "state.up", integer, tick, add, container, as_is, "1"),
    gauge(state_uptime, "state.uptime", integer, tick, max, container, as_is, "s"),
    counter(state_restarts, "state.restarts", "state.restarts_rate", tick, add, container, as_is,
            "1"),
    gauge(state_paused, "state.paused", integer, tick, add, container, as_is, "1"),
    gauge(state_expected, "state.expected", integer, derived, last, rollup_only, as_is, "1"),
    counter(cpu_iowait, "cpu.iowait", "cpu.iowait_rate", tick, add, host, nano, "s"),
    counter(cpu_irq, "cpu.irq", "cpu.irq_rate", tick, add, host, nano, "s"),
    counter(cpu_softirq, "cpu.softirq", "cpu.softirq_rate", tick, add, host, nano, "s"),
    counter(cpu_steal, "cpu.steal", "cpu.steal_rate", tick, add, host, nano, "s"),
    counter(cpu_idle, "cpu.idle", "cpu.idle_rate", tick, add, host, nano, "s"),
    gauge(cpu_count, "cpu.count", integer, slow, add, host, as_is, "1"),
    counter(cpu_unaccounted, "cpu.unaccounted", "cpu.unaccounted_rate", tick, add, host, nano, "s"),
    counter(cpu_ctxt, "cpu.ctxt", "cpu.ctxt_rate", tick, add, host, as_is, "1"),
    counter(cpu_forks, "cpu.forks", "cpu.forks_rate", tick, add, host, as_is, "1"),
    gauge(load_1m, "load.1m", real, tick, add, host, as_is, "1"),
    gauge(load_5m, "load.5m", real, tick, add, host, as_is, "1"),
    gauge(load_15m, "load.15m", real, tick, add, host, as_is, "1"),
    gauge(mem_total, "mem.total", integer, tick, add, host, as_is, "B"),
    gauge(mem_available, "mem.available", integer, tick, add, host, as_is, "B"),
    gauge(mem_used, "mem.used", integer, tick, add, host, as_is, "B"),
    gauge(mem_swap_total, "mem.swap_total", integer, tick, add, host, as_is, "B"),
    gauge(mem_swap_used, "mem.swap_used", integer, tick, add, host, as_is, "B"),
    gauge(mem_slab, "mem.slab", integer, tick, add, host, as_is, "B"),
    counter(disk_read_bytes, "disk.read_bytes", "disk.read_bytes_rate", tick, add, host, as_is,
            "B"),
    counter(disk_write_bytes, "disk.write_bytes", "disk.write_bytes_rate", tick, add, host, as_is,
            "B"),
    counter(disk_reads, "disk.reads", "disk.reads_rate", tick, add, host, as_is, "1"),
    counter(disk_writes, "disk.writes", "disk.writes_rate", tick, add, host, as_is, "1"),
    counter(disk_io_time, "disk.io_time", "disk.io_time_rate", tick, add, host, milli, "s"),
    gauge(fs_total, "fs.total", integer, slow, add, host, as_is, "B"),
    gauge(fs_used, "fs.used", integer, slow, add, host, as_is, "B"),
    gauge(fs_inodes, "fs.inodes", integer, slow, add, host, as_is, "1"),
    gauge(fs_inodes_used, "fs.inodes_used", integer, slow, add, host, as_is, "1"),
    gauge(net_conntrack, "net.conntrack", integer, tick, add, host, as_is, "1"),
    gauge(net_conntrack_max, "net.conntrack_max", integer, tick, add, host, as_is, "1"),
    counter(psi_cpu_some, "psi.cpu_some", "psi.cpu_some_rate", tick, add, host, micro, "s"),
    counter(psi_memory_some, "psi.memory_some", "psi.memory_some_rate", tick, add, host, micro,
            "s"),
    counter(psi_memory_full, "psi.memory_full", "psi.memory_full_rate", tick, add, host, micro,
            "s"),
    counter(psi_io_some, "psi.io_some", "psi.io_some_rate", tick, add, host, micro, "s"),
    counter(psi_io_full, "psi.io_full", "psi.io_full_rate", tick, add, host, micro, "s"),
    gauge(fd_used, "fd.used", integer, tick, add, host, as_is, "1"),
    gauge(fd_max, "fd.max", integer, tick, add, host, as_is, "1"),
    gauge(containers_running, "containers.running", integer, tick, add, host, as_is, "1"),
    counter(containers_starts, "containers.starts", "containers.starts_rate", tick, add, host,
            as_is, "1"),
    counter(containers_exits, "containers.exits", "containers.exits_rate", tick, add, host, as_is,
            "1"),
    counter(agent_cpu, "agent.cpu", "agent.cpu_rate", tick, add, host, nano, "s"),
    gauge(agent_rss, "agent.rss", integer, tick, add, host, as_is, "B"),
    gauge(agent_fds, "agent.fds", integer, tick, add, host, as_is, "1"),
    gauge(agent_spool_bytes, "agent.spool_bytes", integer, tick, add, host, as_is, "B"),
    counter(agent_dropped_rows, "agent.dropped_rows", "agent.dropped_rows_rate", tick, add, host,
            as_is, "1"),
    gauge(clock_offset, "clock.offset", integer, tick, max, host, micro, "s"),
};

static_assert(std::ranges::is_sorted(table, {}, &Metric::id));
static_assert(std::ranges::adjacent_find(table, {}, &Metric::id) == table.end());
static_assert(table.back().id < 1024, "column.hpp keeps the part above bit 10");

using ByName = std::unordered_map<std::string_view, Metric const*>;

ByName by_name(std::string_view Metric::*name) {
  ByName found;
  for (Metric const& metric : table)
    if (!(metric.*name).empty()) found.emplace(metric.*name, &metric);
  return found;
}

Metric const* look_up(ByName const& names, std::string_view name) {
  auto const found = names.find(name);
  return found == names.end() ? nullptr : found->second;
}

}  // namespace

std::span<Metric const> metrics() { return table; }

Metric const* find_metric(MetricId id) {
  auto const found = std::ranges::lower_bound(table, id, {}, &Metric::id);
  return found == table.end() || found->id != id ? nullptr : &*found;
}

Metric const* find_metric(std::string_view leaf) {
  static ByName const leaves = by_name(&Metric::leaf);
  return look_up(leaves, leaf);
}

Metric const* find_metric_by_rate(std::string_view rate_leaf) {
  static ByName const rates = by_name(&Metric::rate_leaf);
  return look_up(rates, rate_leaf);
}

// 1e-9 is no binary fraction, 1e9 is an integer: dividing rounds once, multiplying twice.
Shown::Shown(Metric const& metric)
    : divides_(metric.scale < 1), by_(divides_ ? std::round(1 / metric.scale) : metric.scale) {}

double shown(Metric const& metric, double stored) { return Shown(metric)(stored); }

std::optional<double> ratio_of(Metric const& ratio, double numerator, double denominator) {
  if (denominator == 0) return std::nullopt;
  return numerator / denominator * ratio.ratio_scale;
}

}  // namespace dadvisor
