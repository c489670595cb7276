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

// The page of the moment in which it was asked for, piece by piece: of a hundred containers it
// is 1.4 MB, whose memory would be mapped, zeroed and given back for each scrape.
class MetricsPieces {
 public:
  MetricsPieces(MetricsForm form, ContainerLines containers, AgentFigures figures)
      : text_(form), containers_(std::move(containers)), figures_(std::move(figures)) {}

  void operator()(std::string& piece) {
    constexpr std::size_t size = 64 << 10, of_a_line = 2 << 10;
    text_.write_into(std::move(piece));
    if (!ended_) {
      text_.reserve(size);
      told_containers_ = told_containers_ || containers_.write(text_, size - of_a_line);
      if (told_containers_ && text_.size() + own_figures <= size) {
        write_figures(figures_, text_);
        text_.finish();
        ended_ = true;
      }
    }
    piece = text_.take_piece();
  }
  bool ended() const { return ended_; }

  static constexpr std::size_t own_figures = 16 << 10;

 private:
  MetricsText text_;
  ContainerLines containers_;
  AgentFigures figures_;
  bool told_containers_ = false;
  bool ended_ = false;
};

http::Response metrics(http::Request const& request, AgentFigures const& figures,
                       ContainerPage const& containers) {
  auto const form = metrics_form(http::header(request.headers, "Accept"));
  MetricsPieces pieces(form, containers.lines(), figures);
  auto response = http::typed_response(200, content_type(form), {});
  pieces(response.body);
  if (!pieces.ended())
    response.rest = {std::move(pieces), containers.bytes() + MetricsPieces::own_figures};
  return response;
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
