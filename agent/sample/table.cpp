#include "agent/sample/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <optional>
#include <vector>

#include "common/core/log.hpp"
#include "common/core/metric/rate.hpp"

namespace dadvisor::agent {

namespace {

namespace m = metric;
using Figure = std::optional<double>;

// One row with what it takes to read figures from it by metric.
class View {
 public:
  View(Batch const& now, Row const& row, Batch const* before) : now_(now), row_(row) {
    if (!before) return;
    before_ = before;
    auto const same = std::ranges::find(before->rows, row.slot, &Row::slot);
    if (same != before->rows.end()) earlier_ = &*same;
  }

  // In stored units.
  Cell cell(MetricId metric) const { return cell_of(now_, row_, metric); }
  Figure gauge(MetricId metric) const {
    auto const value = cell(metric);
    if (!value) return std::nullopt;
    return static_cast<double>(*value);
  }
  Figure real(MetricId metric) const {
    auto const value = cell(metric);
    if (!value) return std::nullopt;
    return cell_real(*value);
  }
  // Stored units a second.
  Figure rate(MetricId metric) const {
    auto const value = cell(metric);
    if (!value || !earlier_) return std::nullopt;
    auto const earlier = cell_of(*before_, *earlier_, metric);
    if (!earlier) return std::nullopt;
    auto const step = counter_step({before_->tick, *earlier}, {now_.tick, *value}, now_.step);
    return step ? step->per_second : std::nullopt;
  }

 private:
  static Cell cell_of(Batch const& batch, Row const& row, MetricId metric) {
    auto const& metrics = batch.schemas.at(row.schema).metrics;
    auto const at = std::ranges::find(metrics, metric);
    if (at == metrics.end()) return std::nullopt;
    return row.cells[static_cast<std::size_t>(at - metrics.begin())];
  }

  Batch const& now_;
  Row const& row_;
  Batch const* before_ = nullptr;
  Row const* earlier_ = nullptr;
};

Figure times(Figure value, double factor) {
  if (!value) return std::nullopt;
  return *value * factor;
}

Figure percent(Figure part, Figure whole) {
  if (!part || !whole || *whole <= 0) return std::nullopt;
  return *part / *whole * 100;
}

std::string number(Figure value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

// 1536 -> "1.5K"; powers of 1024.
std::string bytes(Figure value) {
  if (!value) return "-";
  double shown = *value;
  std::size_t unit = 0;
  static constexpr char const* units[] = {"B", "K", "M", "G", "T", "P"};
  while (shown >= 1024 && unit + 1 < std::size(units)) {
    shown /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f}{}", shown, unit == 0 ? 0 : 1, units[unit]);
}

std::string duration(Figure seconds) {
  if (!seconds) return "-";
  auto const s = static_cast<std::int64_t>(*seconds);
  if (s < 120) return fmt::format("{}s", s);
  if (s < 7200) return fmt::format("{}m", s / 60);
  if (s < 172800) return fmt::format("{}h", s / 3600);
  return fmt::format("{}d", s / 86400);
}

std::string label(Entity const& entity, std::string_view key) {
  auto const value = entity.labels.find(key);
  return value ? printable(*value, 48) : "-";
}

Row const* row_of(Batch const& batch, std::uint32_t slot) {
  auto const row = std::ranges::find(batch.rows, slot, &Row::slot);
  return row == batch.rows.end() ? nullptr : &*row;
}

std::string host_heading(Entity const& entity, View const& view) {
  auto const cores = times(view.rate(m::cpu_usage), 1e-9);
  return fmt::format(
      "host {}: CPU {} of {} cores, load {}, memory {} of {} used, disk {}/s read {}/s written, "
      "network {}/s in {}/s out, {} containers\n",
      label(entity, "host"), number(cores, 2), number(view.gauge(m::cpu_count), 0),
      number(view.real(m::load_1m), 2), bytes(view.gauge(m::mem_used)),
      bytes(view.gauge(m::mem_total)), bytes(view.rate(m::disk_read_bytes)),
      bytes(view.rate(m::disk_write_bytes)), bytes(view.rate(m::net_rx_bytes)),
      bytes(view.rate(m::net_tx_bytes)), number(view.gauge(m::containers_running), 0));
}

std::vector<std::string> container_line(Entity const& entity, View const& view) {
  auto const cores = times(view.rate(m::cpu_usage), 1e-9);
  auto const limit = view.real(m::cpu_limit);
  auto const working_set = view.gauge(m::mem_working_set);
  auto const memory_limit = view.gauge(m::mem_limit);
  bool const paused = view.cell(m::state_paused).value_or(0) != 0;
  return {label(entity, "app"),
          label(entity, "instance"),
          number(cores, 3),
          number(limit, 2),
          number(percent(cores, limit), 1),
          bytes(working_set),
          bytes(memory_limit),
          number(percent(working_set, memory_limit), 1),
          bytes(view.rate(m::io_read_bytes)),
          bytes(view.rate(m::io_write_bytes)),
          bytes(view.rate(m::net_rx_bytes)),
          bytes(view.rate(m::net_tx_bytes)),
          number(view.gauge(m::pids_current), 0),
          duration(view.gauge(m::state_uptime)) + (paused ? " paused" : "")};
}

std::string aligned(std::vector<std::vector<std::string>> const& lines) {
  constexpr std::size_t names = 2;  // these columns to the left, figures to the right
  std::vector<std::size_t> widths(lines.front().size());
  for (auto const& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (auto const& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i > 0) text += "  ";
      text += i < names ? fmt::format("{:<{}}", line[i], widths[i])
                        : fmt::format("{:>{}}", line[i], widths[i]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string render_table(Batch const& now, Batch const* before) {
  std::string text;
  std::vector<std::vector<std::string>> lines;
  for (auto const& [slot, entity] : now.entities) {
    Row const* row = row_of(now, slot);
    if (!row) continue;
    View const view(now, *row, before);
    if (entity.key.kind == EntityKind::host)
      text += host_heading(entity, view);
    else
      lines.push_back(container_line(entity, view));
  }
  std::ranges::sort(lines);
  lines.insert(lines.begin(), {"APP", "INSTANCE", "CORES", "LIMIT", "%LIMIT", "WORKSET", "MEMLIMIT",
                               "%MEM", "READ/s", "WRITE/s", "RX/s", "TX/s", "TASKS", "UP"});
  if (lines.size() == 1) return text + "no containers\n";
  return text + aligned(lines);
}

std::string render_json(Batch const& now, Batch const* before) {
  namespace json = boost::json;
  json::array entities;
  for (auto const& [slot, entity] : now.entities) {
    Row const* row = row_of(now, slot);
    if (!row) continue;
    View const view(now, *row, before);
    json::object labels;
    for (auto const& [key, value] : entity.labels) labels[key] = value;
    json::object figures;
    for (MetricId const id : now.schemas.at(row->schema).metrics) {
      Metric const* metric = find_metric(id);
      auto const cell = view.cell(id);
      if (!metric || !cell) continue;
      if (metric->type == MetricType::real)
        figures[metric->leaf] = cell_real(*cell);
      else if (metric->scale == 1)
        figures[metric->leaf] = *cell;
      else
        figures[metric->leaf] = static_cast<double>(*cell) * metric->scale;
      if (metric->kind != MetricKind::counter || metric->rate_leaf.empty()) continue;
      if (auto const rate = view.rate(id)) figures[metric->rate_leaf] = *rate * metric->scale;
    }
    entities.push_back(
        json::object{{"kind", entity.key.kind == EntityKind::host ? "host" : "container"},
                     {"id", entity.key.container_id},
                     {"labels", std::move(labels)},
                     {"figures", std::move(figures)}});
  }
  json::object const document{{"tick", unix_seconds(now.tick)},
                              {"step", static_cast<double>(now.step.count()) * 1e-9},
                              {"entities", std::move(entities)}};
  return json::serialize(document) + "\n";
}

}  // namespace dadvisor::agent
