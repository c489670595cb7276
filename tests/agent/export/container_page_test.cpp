#include "agent/export/container_page.hpp"

#include <catch2/catch.hpp>
#include <sstream>

using namespace dadvisor;
using namespace dadvisor::agent;

namespace {

namespace m = metric;

std::string const id(64, 'a');

// A host and one container with a figure of each kind.
Batch batch() {
  Batch made;
  made.tick = from_unix_seconds(1'795'390'000);
  made.step = std::chrono::seconds(10);
  made.schemas = {{{m::cpu_usage, m::cpu_count, m::mem_used}},
                  {{m::cpu_usage, m::cpu_limit, m::cpu_shares, m::mem_limit, m::net_rx_bytes,
                    m::mem_major_faults, m::cpu_pressure_some}}};
  made.entities.push_back({3, {{EntityKind::host, "h", "", 0}, {{"host", "h"}}}});
  made.entities.push_back({5,
                           {{EntityKind::container, "h", id, 1'795'389'000'500'000'000},
                            {{"app", "/shop/cart"},
                             {"image", "shop:1"},
                             {"instance", "1"},
                             {"name", "cart"},
                             {"owner", "ann"}}}});
  made.rows = {{3, 0, {7'250'000'000, 2, 4096}},
               {5, 1, {1'500'000'001, real_cell(0.5), 100, std::nullopt, 77, 3, 2'000'000}}};
  return made;
}

std::string written(ContainerPage const& page) {
  MetricsText text(MetricsForm::prometheus);
  page.lines().write(text);
  return text.take();
}

std::vector<std::string> series(std::string const& page) {
  std::vector<std::string> found;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with('#')) found.push_back(line);
  return found;
}

}  // namespace

TEST_CASE("a batch as cAdvisor would show it") {
  ContainerPage page;
  CHECK(written(page).empty());
  page.show(std::make_shared<Batch>(batch()), false, [](std::string const& asked) {
    CHECK(asked == id);
    return ContainerFacts{"/docker/" + asked, {{"com.docker.compose.service", "ca\"rt"}}};
  });
  std::string const rest =
      "container_label_com_docker_compose_service=\"ca\\\"rt\","
      "container_label_dadvisor_app=\"/shop/cart\",container_label_dadvisor_instance=\"1\","
      "container_label_dadvisor_owner=\"ann\",id=\"/docker/" +
      id + "\",image=\"shop:1\",name=\"cart\"} ";
  auto const of = [&](std::string const& name, std::string const& labels,
                      std::string const& value) {
    return name + "{" + labels + rest + value + " 1795390000000";
  };
  std::vector<std::string> const expected{
      "container_last_seen{id=\"/\"} 1795390000 1795390000000",
      of("container_last_seen", "", "1795390000"),
      of("container_start_time_seconds", "", "1795389000.5"),
      of("container_spec_cpu_period", "", "100000"),
      of("container_spec_cpu_quota", "", "50000"),
      of("container_spec_cpu_shares", "", "100"),
      "machine_cpu_cores 2 1795390000000",
      of("container_cpu_usage_seconds_total", "cpu=\"total\",", "1.500000001"),
      "container_cpu_usage_seconds_total{cpu=\"total\",id=\"/\"} 7.25 1795390000000",
      of("container_pressure_cpu_waiting_seconds_total", "", "2"),
      "container_memory_working_set_bytes{id=\"/\"} 4096 1795390000000",
      of("container_memory_failures_total", "failure_type=\"pgmajfault\",scope=\"hierarchy\",",
         "3"),
      of("container_network_receive_bytes_total", "", "77"),
  };
  // An unlimited container has no limit: no series, where 0 would read as none left.
  CHECK(series(written(page)) == expected);
}

TEST_CASE("families that have no series are left out, each other one is told once") {
  ContainerPage page;
  page.show(std::make_shared<Batch>(batch()), false, [](auto&) { return std::nullopt; });
  auto const text = written(page);
  CHECK(text.find("container_memory_rss") == std::string::npos);
  CHECK(text.find("machine_memory_bytes") == std::string::npos);
  std::string const type = "# TYPE container_cpu_usage_seconds_total counter\n";
  REQUIRE(text.find(type) != std::string::npos);
  CHECK(text.find(type) == text.rfind(type));
}

TEST_CASE("v2's weight is shown as the shares that it was made of") {
  ContainerPage page;
  page.show(std::make_shared<Batch>(batch()), true, [](auto&) { return std::nullopt; });
  // runc makes 100 of 2,598 shares: 1 + 2,596 * 9,999 / 262,142 = 100.02; the least that give 100
  // are 2 + 99 * 262,142 / 9,999 = 2,597.5.
  CHECK(written(page).find("container_spec_cpu_shares{container_label_dadvisor_app=\"/shop/cart\","
                           "container_label_dadvisor_instance=\"1\",container_label_dadvisor_owner="
                           "\"ann\",id=\"" +
                           id + "\",image=\"shop:1\",name=\"cart\"} 2597 ") != std::string::npos);
}

TEST_CASE("the facts of a container are asked for once, and again when its labels change") {
  ContainerPage page;
  int asked = 0;
  auto const facts = [&](std::string const&) {
    ++asked;
    return std::optional(ContainerFacts{"/docker/x", {}});
  };
  auto made = batch();
  page.show(std::make_shared<Batch>(made), false, facts);
  made.tick += made.step;
  page.show(std::make_shared<Batch>(made), false, facts);
  CHECK(asked == 1);
  auto& renamed = made.entities.edit()[1].entity.labels;
  renamed = renamed.with("name", "new");
  page.show(std::make_shared<Batch>(made), false, facts);
  CHECK(asked == 2);
  CHECK(written(page).find("name=\"new\"") != std::string::npos);
  // Another life of it has another slot.
  made.entities.edit()[1].slot = made.rows[1].slot = 6;
  page.show(std::make_shared<Batch>(made), false, facts);
  CHECK(asked == 3);
  // One that ended is gone from the page.
  made.entities.edit().pop_back();
  made.rows.pop_back();
  page.show(std::make_shared<Batch>(made), false, facts);
  CHECK(written(page).find("name=") == std::string::npos);
}

TEST_CASE("a page that is written in pieces is of one tick, whatever is shown meanwhile") {
  auto const facts = [](auto&) { return std::optional(ContainerFacts{"/docker/x", {}}); };
  ContainerPage page;
  auto made = batch();
  page.show(std::make_shared<Batch>(made), false, facts);
  auto const whole = written(page);
  for (std::size_t const enough : {1, 300, 1'000, 5'000}) {
    INFO(enough);
    page.show(std::make_shared<Batch>(made), false, facts);
    auto lines = page.lines();
    MetricsText text(MetricsForm::prometheus);
    std::string all;
    auto next = made;
    for (bool ended = false; !ended;) {
      ended = lines.write(text, enough);
      CHECK(text.size() < enough + 800);  // a line and the head of a family
      all += text.take_piece();
      text.write_into({});
      // Another tick, with other figures, and without the container from the second on.
      next.tick += next.step;
      next.rows[0].cells.set(0, 1);
      page.show(std::make_shared<Batch>(next), false, facts);
      if (next.rows.size() == 2) {
        CHECK(written(page).find("name=\"cart\"") != std::string::npos);
        next.entities.edit().pop_back();
        next.rows.pop_back();
      }
    }
    CHECK(all == whole);
  }
}
