#pragma once
// The agent's HTTP pages: /healthz, /readyz, /metrics. Pure; the loop's thread calls.

#include <optional>

#include "agent/export/agent_figures.hpp"
#include "agent/export/container_page.hpp"
#include "common/core/clock.hpp"
#include "common/http/message.hpp"

namespace dadvisor::agent {

struct AgentHealth {
  MonotonicTime started{};
  std::optional<MonotonicTime> last_batch;  // when rows were taken last
  Nanoseconds step{};
};

// healthz: 200 while rows are taken at least every third tick (after start: five steps, at least
// 30 s, of patience); 503 tells since when not. readyz: 200 once rows were taken and the
// aggregator accepted a hello. metrics: the containers and the agent itself. 404 elsewhere, 405 for
// other methods than GET and HEAD.
http::Response agent_page(http::Request const& request, AgentFigures const& figures,
                          ContainerPage const& containers, AgentHealth const& health,
                          MonotonicTime now);

}  // namespace dadvisor::agent
