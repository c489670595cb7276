#include "agent/sample/row_layout.hpp"

#include <algorithm>
#include <cassert>

namespace dadvisor::agent {

namespace {

namespace m = metric;

struct CgroupColumn {
  MetricId metric;
  CgroupReading::Figure CgroupReading::*figure;
};
constexpr CgroupColumn cgroup_columns[] = {
    {m::cpu_usage, &CgroupReading::cpu_usage},
    {m::cpu_user, &CgroupReading::cpu_user},
    {m::cpu_system, &CgroupReading::cpu_system},
    {m::cpu_periods, &CgroupReading::cpu_periods},
    {m::cpu_throttled, &CgroupReading::cpu_throttled},
    {m::cpu_throttled_time, &CgroupReading::cpu_throttled_time},
    {m::cpu_shares, &CgroupReading::cpu_shares},
    {m::cpu_pressure_some, &CgroupReading::cpu_pressure_some},
    {m::mem_usage, &CgroupReading::mem_usage},
    {m::mem_working_set, &CgroupReading::mem_working_set},
    {m::mem_rss, &CgroupReading::mem_rss},
    {m::mem_cache, &CgroupReading::mem_cache},
    {m::mem_shmem, &CgroupReading::mem_shmem},
    {m::mem_mapped, &CgroupReading::mem_mapped},
    {m::mem_swap, &CgroupReading::mem_swap},
    {m::mem_kernel, &CgroupReading::mem_kernel},
    {m::mem_dirty, &CgroupReading::mem_dirty},
    {m::mem_peak, &CgroupReading::mem_peak},
    {m::mem_limit, &CgroupReading::mem_limit},
    {m::mem_limit_hits, &CgroupReading::mem_limit_hits},
    {m::mem_oom_kills, &CgroupReading::mem_oom_kills},
    {m::mem_faults, &CgroupReading::mem_faults},
    {m::mem_major_faults, &CgroupReading::mem_major_faults},
    {m::mem_pressure_some, &CgroupReading::mem_pressure_some},
    {m::mem_pressure_full, &CgroupReading::mem_pressure_full},
    {m::io_read_bytes, &CgroupReading::io_read_bytes},
    {m::io_write_bytes, &CgroupReading::io_write_bytes},
    {m::io_reads, &CgroupReading::io_reads},
    {m::io_writes, &CgroupReading::io_writes},
    {m::io_pressure_some, &CgroupReading::io_pressure_some},
    {m::pids_current, &CgroupReading::pids_current},
    {m::pids_limit, &CgroupReading::pids_limit},
    {m::pids_failed, &CgroupReading::pids_failed},
    {m::proc_count, &CgroupReading::processes},
};

struct NetColumn {
  MetricId metric;
  std::int64_t NetCounters::*figure;
};
constexpr NetColumn net_columns[] = {
    {m::net_rx_bytes, &NetCounters::rx_bytes},     {m::net_tx_bytes, &NetCounters::tx_bytes},
    {m::net_rx_packets, &NetCounters::rx_packets}, {m::net_tx_packets, &NetCounters::tx_packets},
    {m::net_rx_errors, &NetCounters::rx_errors},   {m::net_tx_errors, &NetCounters::tx_errors},
    {m::net_rx_drops, &NetCounters::rx_drops},     {m::net_tx_drops, &NetCounters::tx_drops},
};

struct TcpColumn {
  MetricId metric;
  std::optional<std::int64_t> TcpFigures::*figure;
};
constexpr TcpColumn tcp_columns[] = {
    {m::net_tcp_inuse, &TcpFigures::inuse},
    {m::net_tcp_tw, &TcpFigures::time_wait},
    {m::net_tcp_retrans, &TcpFigures::retransmits},
    {m::net_listen_drops, &TcpFigures::listen_drops},
};

struct CpuColumn {
  MetricId metric;
  std::int64_t CpuTimes::*figure;
};
constexpr CpuColumn cpu_columns[] = {
    {m::cpu_usage, &CpuTimes::usage},   {m::cpu_user, &CpuTimes::user},
    {m::cpu_system, &CpuTimes::system}, {m::cpu_iowait, &CpuTimes::iowait},
    {m::cpu_irq, &CpuTimes::irq},       {m::cpu_softirq, &CpuTimes::softirq},
    {m::cpu_steal, &CpuTimes::steal},   {m::cpu_idle, &CpuTimes::idle},
};

struct DiskColumn {
  MetricId metric;
  std::int64_t DiskTotals::*figure;
};
constexpr DiskColumn disk_columns[] = {
    {m::disk_read_bytes, &DiskTotals::read_bytes}, {m::disk_write_bytes, &DiskTotals::write_bytes},
    {m::disk_reads, &DiskTotals::reads},           {m::disk_writes, &DiskTotals::writes},
    {m::disk_io_time, &DiskTotals::io_time_ms},
};

struct FsColumn {
  MetricId metric;
  std::int64_t FileSystemUse::*figure;
};
constexpr FsColumn fs_columns[] = {
    {m::fs_total, &FileSystemUse::total},
    {m::fs_used, &FileSystemUse::used},
    {m::fs_inodes, &FileSystemUse::inodes},
    {m::fs_inodes_used, &FileSystemUse::inodes_used},
};

struct HostColumn {
  MetricId metric;
  std::optional<std::int64_t> HostReading::*figure;
};
constexpr HostColumn host_columns[] = {
    {m::cpu_count, &HostReading::cpu_count},
    {m::cpu_ctxt, &HostReading::context_switches},
    {m::cpu_forks, &HostReading::forks},
    {m::mem_total, &HostReading::mem_total},
    {m::mem_available, &HostReading::mem_available},
    {m::mem_used, &HostReading::mem_used},
    {m::mem_cache, &HostReading::mem_cache},
    {m::mem_swap_total, &HostReading::swap_total},
    {m::mem_swap_used, &HostReading::swap_used},
    {m::mem_dirty, &HostReading::mem_dirty},
    {m::mem_slab, &HostReading::mem_slab},
    {m::mem_oom_kills, &HostReading::oom_kills},
    {m::mem_major_faults, &HostReading::major_faults},
    {m::net_conntrack, &HostReading::conntrack},
    {m::net_conntrack_max, &HostReading::conntrack_max},
    {m::fd_used, &HostReading::fd_used},
    {m::fd_max, &HostReading::fd_max},
    {m::agent_cpu, &HostReading::agent_cpu_ns},
    {m::agent_rss, &HostReading::agent_rss},
    {m::agent_fds, &HostReading::agent_fds},
};

struct LoadColumn {
  MetricId metric;
  std::optional<double> HostReading::*figure;
};
constexpr LoadColumn load_columns[] = {
    {m::load_1m, &HostReading::load_1m},
    {m::load_5m, &HostReading::load_5m},
    {m::load_15m, &HostReading::load_15m},
};

template <typename Columns>
void append(std::vector<MetricId>& metrics, Columns const& columns) {
  for (auto const& column : columns) metrics.push_back(column.metric);
}

// Cells of a group that is known or not as a whole.
template <typename Columns, typename Group>
void set_all(RowLayout const& layout, Row& row, Columns const& columns, Group const& group) {
  for (auto const& column : columns) layout.set(row, column.metric, group.*column.figure);
}

}  // namespace

// In the order in which the store keeps columns: so it takes each row as it is.
RowLayout::RowLayout(std::vector<MetricId> metrics) : schema_{std::move(metrics)} {
  std::ranges::sort(schema_.metrics);
  position_.fill(nowhere);
  for (std::size_t i = 0; i < schema_.metrics.size(); ++i) {
    auto& position = position_.at(schema_.metrics[i]);
    assert(position == nowhere);
    position = static_cast<std::int16_t>(i);
  }
}

Row RowLayout::row(std::uint32_t slot, std::uint32_t schema_index) const {
  return Row{slot, schema_index, Cells(schema_.metrics.size())};
}

void RowLayout::set(Row& row, MetricId metric, std::optional<std::int64_t> value) const {
  std::int16_t const position = position_.at(metric);
  assert(position != nowhere);
  row.cells.set(static_cast<std::size_t>(position), value);
}

void RowLayout::set_real(Row& row, MetricId metric, std::optional<double> value) const {
  set(row, metric, value ? Cell(real_cell(*value)) : Cell());
}

Cell RowLayout::cell(Row const& row, MetricId metric) const {
  std::int16_t const position = position_.at(metric);
  return position == nowhere ? Cell() : row.cells[static_cast<std::size_t>(position)];
}

RowLayout host_layout() {
  std::vector<MetricId> metrics;
  append(metrics, cpu_columns);
  append(metrics, load_columns);
  append(metrics, host_columns);
  append(metrics, disk_columns);
  append(metrics, fs_columns);
  append(metrics, net_columns);
  append(metrics, tcp_columns);
  metrics.insert(metrics.end(), {m::psi_cpu_some, m::psi_memory_some, m::psi_memory_full,
                                 m::psi_io_some, m::psi_io_full, m::containers_running,
                                 m::containers_starts, m::containers_exits, m::cpu_unaccounted,
                                 m::agent_spool_bytes, m::agent_dropped_rows, m::clock_offset});
  return RowLayout(std::move(metrics));
}

RowLayout container_layout() {
  std::vector<MetricId> metrics;
  append(metrics, cgroup_columns);
  append(metrics, net_columns);
  append(metrics, tcp_columns);
  metrics.insert(metrics.end(), {m::cpu_limit, m::cpu_host_cpus, m::fs_layer_bytes,
                                 m::fs_layer_inodes, m::fs_volume_bytes, m::proc_fds, m::state_up,
                                 m::state_uptime, m::state_restarts, m::state_paused});
  return RowLayout(std::move(metrics));
}

void fill(RowLayout const& layout, Row& row, HostReading const& reading) {
  if (reading.cpu) set_all(layout, row, cpu_columns, *reading.cpu);
  for (auto const& column : load_columns)
    layout.set_real(row, column.metric, reading.*column.figure);
  set_all(layout, row, host_columns, reading);
  if (reading.disk) set_all(layout, row, disk_columns, *reading.disk);
  if (reading.fs) set_all(layout, row, fs_columns, *reading.fs);
  if (reading.net) fill(layout, row, *reading.net);
  fill(layout, row, reading.tcp);
  layout.set(row, m::psi_cpu_some, reading.cpu_pressure.some);
  layout.set(row, m::psi_memory_some, reading.memory_pressure.some);
  layout.set(row, m::psi_memory_full, reading.memory_pressure.full);
  layout.set(row, m::psi_io_some, reading.io_pressure.some);
  layout.set(row, m::psi_io_full, reading.io_pressure.full);
}

void fill(RowLayout const& layout, Row& row, CgroupReading const& reading) {
  set_all(layout, row, cgroup_columns, reading);
  layout.set_real(row, m::cpu_limit, reading.cpu_limit);
}

void fill(RowLayout const& layout, Row& row, NetCounters const& counters) {
  set_all(layout, row, net_columns, counters);
}

void fill(RowLayout const& layout, Row& row, TcpFigures const& tcp) {
  set_all(layout, row, tcp_columns, tcp);
}

}  // namespace dadvisor::agent
