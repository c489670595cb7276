#include "aggregator/series/leaf.hpp"

#include <catch2/catch.hpp>

#include "aggregator/series/entity_path.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::series;

namespace {
std::vector<std::string> names(EntityKind kind, std::vector<MetricId> columns) {
  std::vector<std::string> found;
  auto const set = leaves_of(kind, columns);
  for (auto const& [name, leaf] : set->leaves) found.push_back(name);
  return found;
}
}  // namespace

TEST_CASE("an instance shows what is stored, rates beside counters, and quotients of both parts") {
  CHECK(names(EntityKind::container, {metric::cpu_usage, metric::cpu_limit, metric::mem_usage}) ==
        std::vector<std::string>{"cpu.cores", "cpu.limit", "cpu.pct_limit", "cpu.usage",
                                 "mem.usage"});
  CHECK(names(EntityKind::container, {metric::net_rx_bytes}) ==
        std::vector<std::string>{"net.rx_bytes", "net.rx_bytes_rate"});
  CHECK(names(EntityKind::host, {metric::cpu_usage, metric::load_1m, 999}) ==
        std::vector<std::string>{"cpu.cores", "cpu.usage", "load.1m"});
}

TEST_CASE("an app shows STATs by its columns, and no raw counter") {
  auto const column = rollup_column;
  CHECK(names(EntityKind::app, {column(metric::cpu_usage, RollupPart::sum),
                                column(metric::cpu_usage, RollupPart::min),
                                column(metric::cpu_usage, RollupPart::max),
                                column(metric::cpu_usage, RollupPart::count),
                                column(metric::mem_peak, RollupPart::all),
                                column(metric::state_expected, RollupPart::all),
                                column(metric::cpu_pct_limit, RollupPart::numerator),
                                column(metric::cpu_pct_limit, RollupPart::denominator)}) ==
        std::vector<std::string>{"all.cpu.pct_limit", "all.mem.peak", "all.state.expected",
                                 "avg.cpu.cores", "count.cpu.cores", "max.cpu.cores",
                                 "min.cpu.cores", "sum.cpu.cores"});
}

TEST_CASE("paths are those of the architecture page") {
  auto const path = [](Entity const& entity, std::string_view prefix = "dadvisor") {
    std::string joined;
    for (std::string const& node : entity_path(entity, prefix)) joined += "/" + node;
    return joined;
  };
  Entity instance{{EntityKind::container, "host.example", "0123456789abcdef", 5},
                  {{"app", "/shop/cart"}, {"cluster", "eu"}, {"instance", "3"}}};
  CHECK(path(instance) == "/dadvisor/eu/instances/shop_cart/3");
  CHECK(path(instance, "one.two") == "/one/two/eu/instances/shop_cart/3");
  instance.labels = {{"app", "cron"}};
  CHECK(path(instance) == "/dadvisor/default/instances/cron/0123456789ab");
  Entity const host{{EntityKind::host, "web1", "", 0}, {}};
  CHECK(path(host) == "/dadvisor/default/hosts/web1");
  Entity const app{{EntityKind::app, "eu", "/shop/cart", 0}, {}};
  CHECK(path(app) == "/dadvisor/eu/apps/shop_cart");
  CHECK(path({{EntityKind::total, "eu", "", 0}, {}}) == "/dadvisor/eu/total");
  // A dot in a name never makes a node more.
  Entity const dotted{{EntityKind::host, "a.b*", "", 0}, {}};
  CHECK(entity_path(dotted, "dadvisor").size() == 4);
  CHECK(entity_path(dotted, "dadvisor")[3].find_first_of(".*") == std::string::npos);
}
