#include "agent/export/container_page.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dadvisor::agent {
namespace {

namespace m = metric;

constexpr MetricId none = 0;

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

std::size_t position_of(Schema const& schema, MetricId metric) {
  if (metric == none) return nowhere;
  auto const found = std::ranges::find(schema.metrics, metric);
  return found == schema.metrics.end() ? nowhere
                                       : static_cast<std::size_t>(found - schema.metrics.begin());
}

Cell cell_of(Row const& row, std::size_t position) {
  return position < row.cells.size() ? row.cells[position] : Cell();
}

// How many decimal digits a stored figure has when it is shown.
unsigned digits_of(MetricId id) {
  auto const* metric = find_metric(id);
  return metric ? static_cast<unsigned>(std::lround(-std::log10(metric->scale))) : 0;
}

// A label's name as cAdvisor makes it: what Prometheus does not allow becomes '_'.
std::string label_name(std::string_view key) {
  std::string name = "container_label_";
  for (char const c : key) {
    bool const allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    name += allowed ? c : '_';
  }
  return name;
}

// `id="...",name="..."}`: all but what stands in front on some lines. Labels without a value are
// left out: to Prometheus they are the same.
std::string label_text(Entity const& entity, std::optional<ContainerFacts> const& facts) {
  if (entity.key.kind == EntityKind::host) return "id=\"/\"}";
  std::map<std::string, std::string_view> all;
  auto const add = [&](std::string name, std::optional<std::string_view> value) {
    if (value && !value->empty()) all.emplace(std::move(name), *value);
  };
  for (char const* key : {"app", "instance", "owner"})
    add(label_name(std::string("dadvisor_") + key), entity.labels.find(key));
  add("image", entity.labels.find("image"));
  add("name", entity.labels.find("name"));
  // One without a cgroup that could be found is told apart by its id all the same.
  bool const placed = facts && !facts->cgroup.empty();
  add("id", placed ? std::string_view(facts->cgroup) : std::string_view(entity.key.container_id));
  if (facts)
    for (auto const& [key, value] : facts->labels) add(label_name(key), value);
  std::string text;
  for (auto const& [name, value] : all)
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escaped_label_value(value));
  return text + "}";
}

// As runc made the weight: 1 + (shares - 2) * 9999 / 262142.
std::int64_t shares_of_weight(std::int64_t weight) { return 2 + (weight - 1) * 262'142 / 9'999; }

}  // namespace

// One series of each entity: of containers from one metric, of the host from another.
struct ContainerPage::Column {
  std::string_view labels;  // in front of the entity's: `cpu="total",`
  MetricId container = none;
  MetricId host = none;
};

struct ContainerPage::Family {
  std::string_view name;
  MetricsText::Type type;
  std::string_view help;
  std::vector<Column> columns;
};

std::span<ContainerPage::Family const> ContainerPage::families() {
  using enum MetricsText::Type;
  static std::vector<Family> const all{
      {"container_cpu_usage_seconds_total",
       counter,
       "CPU time used.",
       {{"cpu=\"total\",", m::cpu_usage, m::cpu_usage}}},
      {"container_cpu_user_seconds_total",
       counter,
       "CPU time used in user mode.",
       {{"", m::cpu_user, m::cpu_user}}},
      {"container_cpu_system_seconds_total",
       counter,
       "CPU time used in the kernel.",
       {{"", m::cpu_system, m::cpu_system}}},
      {"container_cpu_cfs_periods_total",
       counter,
       "Enforcement periods of the CPU limit.",
       {{"", m::cpu_periods}}},
      {"container_cpu_cfs_throttled_periods_total",
       counter,
       "Periods in which it was throttled.",
       {{"", m::cpu_throttled}}},
      {"container_cpu_cfs_throttled_seconds_total",
       counter,
       "Time for which it was throttled.",
       {{"", m::cpu_throttled_time}}},
      {"container_pressure_cpu_waiting_seconds_total",
       counter,
       "Time in which some task waited for a CPU.",
       {{"", m::cpu_pressure_some, m::psi_cpu_some}}},
      {"container_memory_usage_bytes",
       gauge,
       "Memory in use, page cache included.",
       {{"", m::mem_usage}}},
      {"container_memory_working_set_bytes",
       gauge,
       "Memory in use but for inactive page cache; of the host: total less available.",
       {{"", m::mem_working_set, m::mem_used}}},
      {"container_memory_rss", gauge, "Anonymous memory.", {{"", m::mem_rss}}},
      {"container_memory_cache", gauge, "Page cache.", {{"", m::mem_cache, m::mem_cache}}},
      {"container_memory_mapped_file", gauge, "Page cache that is mapped.", {{"", m::mem_mapped}}},
      {"container_memory_swap", gauge, "Swap in use.", {{"", m::mem_swap, m::mem_swap_used}}},
      {"container_memory_kernel_usage",
       gauge,
       "Memory of the kernel for it.",
       {{"", m::mem_kernel}}},
      {"container_memory_max_usage_bytes", gauge, "The most that was in use.", {{"", m::mem_peak}}},
      {"container_memory_failcnt",
       counter,
       "Times the memory limit was hit.",
       {{"", m::mem_limit_hits}}},
      {"container_memory_failures_total",
       counter,
       "Page faults.",
       {{"failure_type=\"pgfault\",scope=\"hierarchy\",", m::mem_faults},
        {"failure_type=\"pgmajfault\",scope=\"hierarchy\",", m::mem_major_faults,
         m::mem_major_faults}}},
      {"container_oom_events_total",
       counter,
       "Kills for want of memory.",
       {{"", m::mem_oom_kills, m::mem_oom_kills}}},
      {"container_pressure_memory_waiting_seconds_total",
       counter,
       "Time in which some task waited for memory.",
       {{"", m::mem_pressure_some, m::psi_memory_some}}},
      {"container_pressure_memory_stalled_seconds_total",
       counter,
       "Time in which all tasks waited for memory.",
       {{"", m::mem_pressure_full, m::psi_memory_full}}},
      {"container_fs_reads_bytes_total",
       counter,
       "Bytes read from disks.",
       {{"", m::io_read_bytes, m::disk_read_bytes}}},
      {"container_fs_writes_bytes_total",
       counter,
       "Bytes written to disks.",
       {{"", m::io_write_bytes, m::disk_write_bytes}}},
      {"container_fs_reads_total",
       counter,
       "Reads from disks.",
       {{"", m::io_reads, m::disk_reads}}},
      {"container_fs_writes_total",
       counter,
       "Writes to disks.",
       {{"", m::io_writes, m::disk_writes}}},
      {"container_fs_io_time_seconds_total",
       counter,
       "Time in which disks worked.",
       {{"", none, m::disk_io_time}}},
      {"container_fs_usage_bytes",
       gauge,
       "Of the writable layer; of the host: runtime's disk.",
       {{"", m::fs_layer_bytes, m::fs_used}}},
      {"container_fs_limit_bytes",
       gauge,
       "Size of the runtime's file system.",
       {{"", none, m::fs_total}}},
      {"container_pressure_io_waiting_seconds_total",
       counter,
       "Time in which some task waited for disks.",
       {{"", m::io_pressure_some, m::psi_io_some}}},
      {"container_network_receive_bytes_total",
       counter,
       "Bytes received.",
       {{"", m::net_rx_bytes, m::net_rx_bytes}}},
      {"container_network_transmit_bytes_total",
       counter,
       "Bytes sent.",
       {{"", m::net_tx_bytes, m::net_tx_bytes}}},
      {"container_network_receive_packets_total",
       counter,
       "Packets received.",
       {{"", m::net_rx_packets, m::net_rx_packets}}},
      {"container_network_transmit_packets_total",
       counter,
       "Packets sent.",
       {{"", m::net_tx_packets, m::net_tx_packets}}},
      {"container_network_receive_errors_total",
       counter,
       "Errors of receiving.",
       {{"", m::net_rx_errors, m::net_rx_errors}}},
      {"container_network_transmit_errors_total",
       counter,
       "Errors of sending.",
       {{"", m::net_tx_errors, m::net_tx_errors}}},
      {"container_network_receive_packets_dropped_total",
       counter,
       "Packets dropped on arrival.",
       {{"", m::net_rx_drops, m::net_rx_drops}}},
      {"container_network_transmit_packets_dropped_total",
       counter,
       "Packets not sent.",
       {{"", m::net_tx_drops, m::net_tx_drops}}},
      {"container_threads", gauge, "Tasks: threads of all processes.", {{"", m::pids_current}}},
      {"container_threads_max", gauge, "The most tasks that it may have.", {{"", m::pids_limit}}},
      {"container_processes", gauge, "Processes.", {{"", m::proc_count}}},
      {"container_file_descriptors",
       gauge,
       "Open file descriptors.",
       {{"", m::proc_fds, m::fd_used}}},
      {"container_spec_memory_limit_bytes",
       gauge,
       "The memory limit.",
       {{"", m::mem_limit, m::mem_total}}},
  };
  return all;
}

void ContainerPage::show(std::shared_ptr<Batch const> batch, bool weights, Facts const& facts) {
  std::vector<Shown> shown;
  shown.reserve(batch->entities.size());
  auto before = shown_.begin();
  auto row = batch->rows.begin();
  for (auto const& [slot, entity] : batch->entities) {
    while (row != batch->rows.end() && row->slot < slot) ++row;
    if (row == batch->rows.end() || row->slot != slot) continue;
    while (before != shown_.end() && before->slot < slot) ++before;
    auto& one = shown.emplace_back();
    if (before != shown_.end() && before->slot == slot && before->of == entity.labels) {
      one = std::move(*before);
    } else {
      bool const container = entity.key.kind == EntityKind::container;
      one.slot = slot;
      one.of = entity.labels;
      one.labels = label_text(entity, container ? facts(entity.key.container_id) : std::nullopt);
    }
    one.key = &entity.key;
    one.row = &*row;
  }
  shown_ = std::move(shown);
  batch_ = std::move(batch);
  weights_ = weights;
}

void ContainerPage::write(MetricsText& into) const {
  if (!batch_) return;
  into.stamp(batch_->tick);
  write_lives(into);
  write_spec(into);
  for (auto const& family : families()) write_family(family, into);
  into.stamp(std::nullopt);
}

std::size_t ContainerPage::bytes() const {
  constexpr std::size_t name_and_figure = 90, text_of_family = 180;
  auto const series = families().size() + 6;  // those of lives and spec
  std::size_t labels = 0;
  for (auto const& one : shown_) labels += one.labels.size() + name_and_figure;
  return series * (labels + text_of_family);
}

void ContainerPage::write_family(Family const& family, MetricsText& into) const {
  bool begun = false;
  for (auto const& column : family.columns) {
    std::string const labels = fmt::format("{{{}", column.labels);
    unsigned const digits = digits_of(column.container != none ? column.container : column.host);
    for_each(column.container, column.host, [&](Shown const& one, std::int64_t cell) {
      if (!std::exchange(begun, true)) into.family(family.name, family.type, family.help);
      into.series(labels, one.labels, cell, digits);
    });
  }
}

template <typename Do>
void ContainerPage::for_each(MetricId container, MetricId host, Do const& work) const {
  std::vector<std::size_t> positions(batch_->schemas.size(), nowhere);
  for (std::size_t kind = 0; kind < 2; ++kind) {
    bool const of_hosts = kind == 1;
    MetricId const metric = of_hosts ? host : container;
    if (metric == none) continue;
    for (std::size_t i = 0; i < positions.size(); ++i)
      positions[i] = position_of(batch_->schemas[i], metric);
    for (auto const& one : shown_) {
      if ((one.key->kind == EntityKind::host) != of_hosts) continue;
      if (Cell const cell = cell_of(*one.row, positions[one.row->schema])) work(one, *cell);
    }
  }
}

void ContainerPage::write_lives(MetricsText& into) const {
  using enum MetricsText::Type;
  constexpr unsigned nanoseconds = 9;
  into.family("container_last_seen", gauge, "When it was read, since 1970.");
  for (auto const& one : shown_)
    into.series("{", one.labels, batch_->tick.time_since_epoch().count(), nanoseconds);
  into.family("container_start_time_seconds", gauge, "When this life of it began, since 1970.");
  for (auto const& one : shown_)
    if (one.key->start_ns > 0) into.series("{", one.labels, one.key->start_ns, nanoseconds);
}

void ContainerPage::write_spec(MetricsText& into) const {
  constexpr std::int64_t period = 100'000;  // us; the kernel's default
  auto const write = [&](char const* name, char const* help, MetricId container, MetricId host,
                         auto const& series) {
    bool begun = false;
    for_each(container, host, [&](Shown const& one, std::int64_t cell) {
      if (!std::exchange(begun, true)) into.family(name, MetricsText::Type::gauge, help);
      series(one, cell);
    });
  };
  write("container_spec_cpu_period", "The period of the CPU limit, us.", m::cpu_limit, none,
        [&](Shown const& one, std::int64_t) { into.series("{", one.labels, period, 0); });
  write("container_spec_cpu_quota",
        "CPU time in each such period, us: by quota or cpuset, whichever is less.", m::cpu_limit,
        none, [&](Shown const& one, std::int64_t cell) {
          into.series("{", one.labels, std::llround(cell_real(cell) * period), 0);
        });
  write("container_spec_cpu_shares", "CPU shares; of a v2 weight what it stands for.",
        m::cpu_shares, none, [&](Shown const& one, std::int64_t cell) {
          into.series("{", one.labels, weights_ ? shares_of_weight(cell) : cell, 0);
        });
  auto const machine = [&](Shown const&, std::int64_t cell) { into.series("", cell); };
  write("machine_cpu_cores", "CPUs that are online.", none, m::cpu_count, machine);
  write("machine_memory_bytes", "Memory of the host.", none, m::mem_total, machine);
  write("machine_swap_bytes", "Swap of the host.", none, m::mem_swap_total, machine);
}

}  // namespace dadvisor::agent
