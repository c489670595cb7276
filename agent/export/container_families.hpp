#pragma once
// The families of the container page, in its order: cAdvisor's names, and which figures of a batch
// stand behind them. A constant: any thread.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agent/export/metrics_text.hpp"
#include "common/core/metric/metric.hpp"

namespace dadvisor::agent {

// One series of each entity that has the figure: of containers from one metric, of the host from
// another.
struct ContainerColumn {
  enum class Shows : std::uint8_t {
    cell,     // the figure as it is stored
    tick,     // of all entities: when they were read
    start,    // of all whose start is known
    machine,  // the figure as it is, under no labels: there is one host
    // Made of the figure:
    cpu_period,
    cpu_quota,
    cpu_shares,
  };
  std::string_view labels;  // in front of the entity's: `cpu="total",`
  MetricId container = 0;   // 0: none
  MetricId host = 0;
  Shows shows = Shows::cell;
};

struct ContainerFamily {
  std::string_view name;
  MetricsText::Type type;
  std::string_view help;
  std::vector<ContainerColumn> columns;
};

std::span<ContainerFamily const> container_families();

}  // namespace dadvisor::agent
