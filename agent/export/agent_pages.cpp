#include "agent/export/agent_pages.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dadvisor::agent {
namespace {

http::Response healthz(AgentHealth const& health, MonotonicTime now) {
  auto const since = now - health.last_batch.value_or(health.started);
  auto const patience = health.last_batch
                            ? 3 * health.step
                            : std::max<Nanoseconds>(5 * health.step, std::chrono::seconds(30));
  if (since <= patience) return http::text_response(200, "ok\n");
  auto const seconds = std::chrono::floor<std::chrono::seconds>(since).count();
  return http::text_response(503, fmt::format("no rows were taken for {} s\n", seconds));
}

http::Response readyz(AgentFigures const& figures, AgentHealth const& health) {
  if (!health.last_batch) return http::text_response(503, "no rows were taken yet\n");
  if (!figures.aggregator_up) return http::text_response(503, "the aggregator does not answer\n");
  return http::text_response(200, "ok\n");
}

http::Response metrics(http::Request const& request, AgentFigures const& figures,
                       ContainerPage const& containers) {
  auto const form = metrics_form(http::header(request.headers, "Accept"));
  constexpr std::size_t own_figures = 16 << 10;
  MetricsText text(form);
  text.reserve(containers.bytes() + own_figures);
  containers.write(text);
  write_figures(figures, text);
  return http::typed_response(200, content_type(form), text.take());
}

}  // namespace

http::Response agent_page(http::Request const& request, AgentFigures const& figures,
                          ContainerPage const& containers, AgentHealth const& health,
                          MonotonicTime now) {
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = http::text_response(405, "only GET and HEAD\n");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (request.path == "/healthz") return healthz(health, now);
  if (request.path == "/readyz") return readyz(figures, health);
  if (request.path == "/metrics") return metrics(request, figures, containers);
  return http::text_response(404, "try /metrics, /healthz or /readyz\n");
}

}  // namespace dadvisor::agent
