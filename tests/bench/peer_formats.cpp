#include "tests/bench/peer_formats.hpp"

#include <fmt/format.h>
#include <snappy.h>

#include <algorithm>
#include <memory>

#include "remote_write.pb.h"

namespace dadvisor::bench {
namespace {

std::string label(Entity const& entity, std::string_view key) {
  return std::string(entity.labels.find(key).value_or(""));
}

std::string underscored(std::string_view leaf) {
  std::string name(leaf);
  std::ranges::replace(name, '.', '_');
  return name;
}

double value_of(Metric const& metric, std::int64_t cell) {
  return metric.type == MetricType::real ? cell_real(cell) : static_cast<double>(cell);
}

// Calls visit(entity, row, metrics) for each row.
template <typename Visit>
void for_each_row(Batch const& batch, Visit const& visit) {
  for (std::size_t i = 0; i < batch.rows.size(); ++i)
    visit(batch.entities[i].entity, batch.rows[i], batch.schemas[batch.rows[i].schema].metrics);
}

}  // namespace

std::string remote_write_body(std::vector<std::shared_ptr<Batch>> const& batches) {
  prometheus::WriteRequest request;
  for (auto const& batch : batches) {
    auto const ms =
        std::chrono::floor<std::chrono::milliseconds>(batch->tick).time_since_epoch().count();
    for_each_row(*batch, [&](Entity const& entity, Row const& row, auto const& metrics) {
      for (std::size_t i = 0; i < metrics.size(); ++i) {
        if (!row.cells[i]) continue;
        Metric const& metric = *find_metric(metrics[i]);
        auto& series = *request.add_timeseries();
        auto const add = [&](char const* name, std::string value) {
          if (value.empty()) return;
          auto& one = *series.add_labels();
          one.set_name(name);
          one.set_value(std::move(value));
        };
        add("__name__", underscored(metric.leaf));  // labels are sorted by name
        for (auto const* key : {"app", "cluster", "host", "instance", "owner"})
          add(key, label(entity, key));
        auto& sample = *series.add_samples();
        sample.set_value(value_of(metric, *row.cells[i]));
        sample.set_timestamp(ms);
      }
    });
  }
  auto const bytes = request.SerializeAsString();
  std::string compressed;
  snappy::Compress(bytes.data(), bytes.size(), &compressed);
  return compressed;
}

void add_graphite_lines(Batch const& batch, std::string& out) {
  auto const seconds = unix_seconds(batch.tick);
  for_each_row(batch, [&](Entity const& entity, Row const& row, auto const& metrics) {
    auto const prefix = entity.key.kind == EntityKind::host
                            ? fmt::format("bench.hosts.{}.", label(entity, "host"))
                            : fmt::format("bench.instances.{}.{}.", label(entity, "app"),
                                          label(entity, "instance"));
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      if (!row.cells[i]) continue;
      Metric const& metric = *find_metric(metrics[i]);
      if (metric.type == MetricType::real)
        fmt::format_to(std::back_inserter(out), "{}{} {} {}\n", prefix, metric.leaf,
                       cell_real(*row.cells[i]), seconds);
      else
        fmt::format_to(std::back_inserter(out), "{}{} {} {}\n", prefix, metric.leaf, *row.cells[i],
                       seconds);
    }
  });
}

void add_influx_lines(Batch const& batch, std::string& out) {
  auto const seconds = unix_seconds(batch.tick);
  for_each_row(batch, [&](Entity const& entity, Row const& row, auto const& metrics) {
    out += entity.key.kind == EntityKind::host ? "host" : "container";
    for (auto const* key : {"app", "cluster", "host", "instance", "owner"})
      if (auto const& value = label(entity, key); !value.empty())
        fmt::format_to(std::back_inserter(out), ",{}={}", key, value);
    char separator = ' ';
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      if (!row.cells[i]) continue;
      Metric const& metric = *find_metric(metrics[i]);
      auto const name = underscored(metric.leaf);
      if (metric.type == MetricType::real)
        fmt::format_to(std::back_inserter(out), "{}{}={}", separator, name,
                       cell_real(*row.cells[i]));
      else
        fmt::format_to(std::back_inserter(out), "{}{}={}i", separator, name, *row.cells[i]);
      separator = ',';
    }
    fmt::format_to(std::back_inserter(out), " {}\n", seconds);
  });
}

}  // namespace dadvisor::bench
