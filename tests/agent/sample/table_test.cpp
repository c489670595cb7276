#include "agent/sample/table.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "agent/sample/row_layout.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
namespace m = dadvisor::metric;

namespace {

Batch batch_at(std::int64_t second, std::int64_t usage_ns, std::string app = "/shop/cart") {
  auto const hosts = host_layout();
  auto const containers = container_layout();
  Batch batch;
  batch.tick = from_unix_seconds(second);
  batch.step = std::chrono::seconds(1);
  batch.schemas = {hosts.schema(), containers.schema()};
  Row host = hosts.row(0, 0);
  hosts.set(host, m::cpu_count, 2);
  hosts.set(host, m::mem_total, std::int64_t{8} << 30);
  hosts.set(host, m::containers_running, 1);
  Row row = containers.row(3, 1);
  containers.set(row, m::cpu_usage, usage_ns);
  containers.set_real(row, m::cpu_limit, 0.5);
  containers.set(row, m::mem_working_set, 32 << 20);
  containers.set(row, m::mem_limit, 64 << 20);
  containers.set(row, m::state_uptime, 61);
  batch.rows = {host, row};
  batch.entities = {
      {0, {{EntityKind::host, "h", "", 0}, {{"host", "h"}}}},
      {3, {{EntityKind::container, "h", "abc", 1}, {{"app", std::move(app)}, {"instance", "7"}}}}};
  return batch;
}

}  // namespace

TEST_CASE("a table shows rates between two readings and '-' for what is not known") {
  auto const before = batch_at(100, 1'000'000'000);
  auto const now = batch_at(101, 1'490'000'000);
  auto const table = render_table(now, &before);
  INFO(table);
  CHECK(table.find("host h: CPU - of 2 cores, load -, memory - of 8.0G used") == 0);
  CHECK(table.find("/shop/cart  7         0.490   0.50    98.0    32.0M     64.0M  50.0") !=
        std::string::npos);
  CHECK(table.find("61s\n") != std::string::npos);
  auto const alone = render_table(now);
  CHECK(alone.find("/shop/cart  7             -   0.50       -") != std::string::npos);
}

TEST_CASE("a table without containers says so") {
  auto batch = batch_at(1, 0);
  batch.rows.pop_back();
  batch.entities.edit().pop_back();
  CHECK(render_table(batch).ends_with("no containers\n"));
}

TEST_CASE("no name can forge a line of the table") {
  auto const table = render_table(batch_at(1, 0, "a\nb\x1b[2J"));
  CHECK(table.find("a\nb") == std::string::npos);
  CHECK(table.find('\x1b') == std::string::npos);
}

TEST_CASE("JSON has every known figure in shown units, and rates with an earlier reading") {
  auto const before = batch_at(100, 1'000'000'000);
  auto const now = batch_at(101, 1'490'000'000);
  auto const document = boost::json::parse(render_json(now, &before));
  auto const& container = document.at("entities").at(1);
  CHECK(document.at("tick").to_number<double>() == 101);
  CHECK(container.at("labels").at("app").as_string() == "/shop/cart");
  auto const& figures = container.at("figures").as_object();
  CHECK(figures.at("cpu.usage").to_number<double>() == Approx(1.49));
  CHECK(figures.at("cpu.cores").to_number<double>() == Approx(0.49));
  CHECK(figures.at("cpu.limit").to_number<double>() == 0.5);
  CHECK(figures.at("mem.limit").to_number<double>() == 67108864);
  CHECK_FALSE(figures.contains("mem.rss"));
  auto const alone = boost::json::parse(render_json(now));
  CHECK_FALSE(alone.at("entities").at(1).at("figures").as_object().contains("cpu.cores"));
}
