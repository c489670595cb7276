#include "agent/export/agent_pages.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <sstream>

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;

namespace {

http::Request get(std::string path, std::string method = "GET") {
  http::Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

}  // namespace

TEST_CASE("the page is text format 0.0.4: each family told once, its series behind it") {
  AgentFigures figures;
  figures.ticks = 7;
  figures.late_ticks = 2;
  figures.spool_bytes = 1ULL << 40;
  figures.start_time = 1795390874.5;
  figures.docker.up = true;
  figures.containerd.counters.starts = 2;
  MetricsText text(MetricsForm::prometheus);
  write_figures(figures, text);
  auto const page = text.take();
  std::map<std::string, std::string> values;
  std::set<std::string> families;
  std::string family;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      REQUIRE(family.starts_with("dadvisor_agent_"));
      REQUIRE(families.insert(family).second);
      REQUIRE(std::getline(lines, line));
      bool const counter = family.ends_with("_total");
      REQUIRE(line == "# TYPE " + family + (counter ? " counter" : " gauge"));
      continue;
    }
    auto const blank = line.rfind(' ');
    auto const name = line.substr(0, blank);
    REQUIRE(name.substr(0, name.find('{')) == family);
    REQUIRE(values.emplace(name, line.substr(blank + 1)).second);
  }
  CHECK(page.ends_with("\n"));
  CHECK(values.at("dadvisor_agent_ticks_total") == "7");
  CHECK(values.at("dadvisor_agent_missed_ticks_total{reason=\"late\"}") == "2");
  CHECK(values.at("dadvisor_agent_spool_bytes") == "1099511627776");
  CHECK(values.at("dadvisor_agent_start_time_seconds") == "1795390874.5");
  CHECK(values.at("dadvisor_agent_docker_up") == "1");
  CHECK(values.at("dadvisor_agent_containerd_up") == "0");
  CHECK(values.at("dadvisor_agent_container_starts_total") == "2");
  CHECK(values.at("dadvisor_agent_aggregator_up") == "0");
  CHECK_FALSE(values.contains("dadvisor_agent_last_tick_seconds"));  // absent, not 0
  auto const response = agent_page(get("/metrics"), figures, {}, {}, {});
  CHECK(response.body == page);
  CHECK(http::header(response.headers, "Content-Type")->starts_with("text/plain; version=0.0.4"));
}

TEST_CASE("health is whether rows are taken") {
  AgentFigures const figures;
  AgentHealth health{MonotonicTime(100s), std::nullopt, 10s};
  auto const status = [&](MonotonicTime now) {
    return agent_page(get("/healthz"), figures, {}, health, now).status;
  };
  CHECK(status(MonotonicTime(150s)) == 200);
  CHECK(status(MonotonicTime(151s)) == 503);  // five steps and no row yet
  health.last_batch = MonotonicTime(200s);
  CHECK(status(MonotonicTime(230s)) == 200);
  auto const ill = agent_page(get("/healthz"), figures, {}, health, MonotonicTime(231s));
  CHECK(ill.status == 503);
  CHECK(ill.body == "no rows were taken for 31 s\n");
  health.step = 1s;
  health.last_batch.reset();
  CHECK(status(MonotonicTime(130s)) == 200);  // at least half a minute
  CHECK(status(MonotonicTime(131s)) == 503);
}

TEST_CASE("ready is rows and an aggregator; other paths and methods are refused") {
  AgentFigures figures;
  AgentHealth health;
  CHECK(agent_page(get("/readyz"), figures, {}, health, {}).status == 503);
  health.last_batch = MonotonicTime{};
  CHECK(agent_page(get("/readyz"), figures, {}, health, {}).status == 503);
  figures.aggregator_up = true;
  CHECK(agent_page(get("/readyz"), figures, {}, health, {}).status == 200);
  CHECK(agent_page(get("/"), figures, {}, health, {}).status == 404);
  auto const posted = agent_page(get("/metrics", "POST"), figures, {}, health, {});
  CHECK(posted.status == 405);
  CHECK(http::header(posted.headers, "Allow") == "GET, HEAD");
}

TEST_CASE("a page of many containers comes in pieces of 64 KiB, its own figures last") {
  Batch batch;
  batch.tick = from_unix_seconds(1'795'390'000);
  batch.schemas = {{{metric::cpu_usage, metric::mem_usage}}};
  for (std::uint32_t slot = 1; slot <= 1000; ++slot) {
    EntityKey key{EntityKind::container, "h", "id" + std::to_string(slot), 1};
    batch.entities.push_back({slot, {key, {{"name", "n" + std::to_string(slot)}}}});
    batch.rows.push_back({slot, 0, {slot, slot}});
  }
  ContainerPage page;
  page.show(std::make_shared<Batch>(batch), false, [](auto&) { return std::nullopt; });
  AgentFigures figures;
  figures.ticks = 7;
  auto request = get("/metrics");
  request.headers.emplace_back("Accept", "application/openmetrics-text");
  auto response = agent_page(request, figures, page, {}, {});
  figures.ticks = 8;  // not of the moment in which it was asked for
  REQUIRE(response.rest.next);
  CHECK(response.body.capacity() < 80 << 10);
  std::string all = response.body, piece = response.body;
  for (response.rest.next(piece); !piece.empty(); response.rest.next(piece)) {
    CHECK(piece.size() <= 64 << 10);
    all += piece;
  }
  CHECK(all.size() <= response.rest.about);
  CHECK(all.ends_with("# EOF\n"));
  CHECK(all.find("dadvisor_agent_ticks_total 7\n") != std::string::npos);
  std::map<std::string, int> series;
  std::istringstream lines(all);
  for (std::string line; std::getline(lines, line);) ++series[line.substr(0, line.find('{'))];
  for (auto const* name : {"container_last_seen", "container_start_time_seconds",
                           "container_cpu_usage_seconds_total", "container_memory_usage_bytes"})
    CHECK(series[name] == 1000);
}
