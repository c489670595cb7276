#pragma once
// The metric table: every figure that dAdvisor knows, named once. Ids are what travels and what
// is stored: a number once given is never given again and never changes its meaning.
//
// Times are stored in ns or us and shown in seconds; `scale` is the factor from stored to shown.
// Rows hold only what `stored` says; derived metrics (ratios, rates) are made when a row is read.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dadvisor {

using MetricId = std::uint16_t;

enum class MetricKind : std::uint8_t { counter, gauge };
enum class MetricType : std::uint8_t { integer, real };
enum class MetricPace : std::uint8_t { tick, slow, walk, derived };
// How the figures of an app's instances become one (and instances' windows one window).
enum class MetricRollup : std::uint8_t { add, max, ratio, last };

struct Metric {
  MetricId id;
  std::string_view leaf;       // two nodes: "cpu.usage"
  std::string_view rate_leaf;  // a counter's rate: "cpu.usage" -> "cpu.cores"; empty for gauges
  MetricKind kind;
  MetricType type;
  MetricPace pace;
  MetricRollup rollup;
  bool ranked;  // people rank by it: p50 / p95 / p99 over instances
  bool on_container;
  bool on_host;
  double scale;           // shown = stored * scale (ns -> s: 1e-9)
  std::string_view unit;  // as shown: "s", "B", "1", "%", "cores"
  MetricId numerator;     // rollup ratio: stored counters (as shown rates) or gauges ...
  MetricId denominator;   // ... whose sums' quotient, times ratio_scale, is the figure; else 0
  double ratio_scale;
};

// A stored figure (or a counter's increase or rate) as it is shown: stored * scale, rounded once,
// so that 5,000,000,000 ns are exactly 5 s.
double shown(Metric const& metric, double stored);
// The same for many figures of one metric.
class Shown {
 public:
  explicit Shown(Metric const& metric);
  // Of one, or of several at once.
  template <typename Number>
  Number operator()(Number stored) const {
    return divides_ ? stored / by_ : stored * by_;
  }

 private:
  bool divides_;
  double by_;
};
// The figure of a metric of rollup `ratio` from its shown numerator and denominator; absent when
// the denominator is 0.
std::optional<double> ratio_of(Metric const& ratio, double numerator, double denominator);

// All metrics, by id ascending.
std::span<Metric const> metrics();
// nullptr when there is none (an id of a newer agent; a leaf unknown).
Metric const* find_metric(MetricId id);
Metric const* find_metric(std::string_view leaf);
// The counter whose rate has this leaf: "cpu.cores" -> cpu.usage, "net.rx_bytes_rate" ->
// net.rx_bytes.
Metric const* find_metric_by_rate(std::string_view rate_leaf);

// Ids by name, for the code that fills rows.
namespace metric {
inline constexpr MetricId
    // both hosts and containers
    cpu_usage = 1,
    cpu_user = 2, cpu_system = 3,
    // containers
    cpu_periods = 4, cpu_throttled = 5, cpu_throttled_time = 6, cpu_throttled_pct = 7,
    cpu_limit = 8, cpu_pct_limit = 9, cpu_pct_host = 10, cpu_shares = 11, cpu_pressure_some = 12,
    cpu_host_cpus = 13, mem_usage = 20, mem_working_set = 21, mem_rss = 22, mem_cache = 23,
    mem_shmem = 24, mem_mapped = 25, mem_swap = 26, mem_kernel = 27, mem_dirty = 28, mem_peak = 29,
    mem_limit = 30, mem_pct_limit = 31, mem_limit_hits = 32, mem_oom_kills = 33, mem_faults = 34,
    mem_major_faults = 35, mem_pressure_some = 36, mem_pressure_full = 37, io_read_bytes = 50,
    io_write_bytes = 51, io_reads = 52, io_writes = 53, io_pressure_some = 54, fs_layer_bytes = 60,
    fs_volume_bytes = 61, fs_layer_inodes = 62, net_rx_bytes = 70, net_tx_bytes = 71,
    net_rx_packets = 72, net_tx_packets = 73, net_rx_errors = 74, net_tx_errors = 75,
    net_rx_drops = 76, net_tx_drops = 77, net_tcp_inuse = 78, net_tcp_tw = 79, net_tcp_retrans = 80,
    net_listen_drops = 81, pids_current = 90, pids_limit = 91, pids_failed = 92, proc_count = 93,
    proc_fds = 94, state_up = 100, state_uptime = 101, state_restarts = 102, state_paused = 103,
    state_expected = 104,
    // hosts
    cpu_iowait = 120, cpu_irq = 121, cpu_softirq = 122, cpu_steal = 123, cpu_idle = 124,
    cpu_count = 125, cpu_unaccounted = 126, cpu_ctxt = 127, cpu_forks = 128, load_1m = 130,
    load_5m = 131, load_15m = 132, mem_total = 140, mem_available = 141, mem_used = 142,
    mem_swap_total = 143, mem_swap_used = 144, mem_slab = 145, disk_read_bytes = 150,
    disk_write_bytes = 151, disk_reads = 152, disk_writes = 153, disk_io_time = 154, fs_total = 160,
    fs_used = 161, fs_inodes = 162, fs_inodes_used = 163, net_conntrack = 170,
    net_conntrack_max = 171, psi_cpu_some = 180, psi_memory_some = 181, psi_memory_full = 182,
    psi_io_some = 183, psi_io_full = 184, fd_used = 190, fd_max = 191, containers_running = 200,
    containers_starts = 201, containers_exits = 202, agent_cpu = 210, agent_rss = 211,
    agent_fds = 212, agent_spool_bytes = 213, agent_dropped_rows = 214, clock_offset = 215;
}  // namespace metric

}  // namespace dadvisor
