// How lives end: last rows, brief lives, and the CPU that no row shows.

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/agent/sample/fake_host.hpp"
#include "tests/agent/sample/sampled.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::cell;
using dadvisor::test::FakeHost;
using dadvisor::test::find;
using dadvisor::test::label;
using dadvisor::test::Sampled;
namespace m = dadvisor::metric;

namespace {

std::string const a = FakeHost::id('a'), b = FakeHost::id('b'), host_id;
std::string const cgroup_a = FakeHost::cgroup(a);

// Processes that use so much, their end, and the runtime's word of it.
RuntimeEvent lived(FakeHost& host, Sampler& sampler, Container& container, std::int64_t usage_us) {
  sampler.attend();
  host.usage(FakeHost::cgroup(container.id), usage_us);
  host.empty(FakeHost::cgroup(container.id));
  sampler.attend();
  host.remove(FakeHost::cgroup(container.id));
  host.tree.remove("proc/" + std::to_string(container.pid));
  sampler.attend();
  container.running = false;
  container.pid = 0;
  container.exit_code = 3;
  container.finished_ns = host.clock.wall().time_since_epoch().count();
  return {RuntimeEvent::Kind::exit, container, container.finished_ns, 3, false};
}

Container begin(FakeHost& host, char digit, std::int64_t pid) {
  auto made = host.start(digit, pid, 0);
  made.started_ns = host.clock.wall().time_since_epoch().count();
  return made;
}

}  // namespace

TEST_CASE("a container that lived between two ticks has its last row at the second") {
  FakeHost host;
  Sampled sampled(host);
  auto const before = sampled.tick({});
  auto container = begin(host, 'a', 77);
  auto const exit = lived(host, sampled.sampler, container, 300'000);
  auto const batch = sampled.tick({container}, true, {exit});
  REQUIRE(batch.rows.size() == 2);
  CHECK(cell(batch, a, m::cpu_usage) == 300'000'000);
  CHECK_FALSE(cell(batch, a, m::state_up));
  CHECK_FALSE(cell(batch, a, m::mem_usage));
  CHECK_FALSE(cell(batch, a, m::pids_current));
  CHECK(find(batch, a)->entity.key.start_ns == container.started_ns);
  CHECK(label(batch, a, "name") == "name-a");
  CHECK(label(batch, a, "image") == "web:1");
  CHECK(cell(batch, host_id, m::containers_starts) == 1);
  CHECK(cell(batch, host_id, m::containers_exits) == 1);
  CHECK(cell(batch, host_id, m::containers_running) == 0);
  CHECK(batch.events.empty());  // the runtime's word goes its own way
  CHECK(sampled.tick({container}).rows.size() == 1);
  CHECK(sampled.sampler.stats().last_rows == 1);
  CHECK(sampled.sampler.stats().missed_ends == 0);
}

TEST_CASE("a life that ends has the counters of its end, and its next life a row beside it") {
  FakeHost host;
  Sampled sampled(host);
  auto container = begin(host, 'a', 77);
  auto const before = sampled.tick({container});
  auto const exit = lived(host, sampled.sampler, container, 8'000'000);
  host.clock.advance(std::chrono::seconds(1));
  auto const again = begin(host, 'a', 78);
  host.usage(cgroup_a, 20);
  auto const batch = sampled.tick({again}, true, {exit});
  REQUIRE(batch.rows.size() == 3);
  auto const& first = batch.entities[1];
  auto const& second = batch.entities[2];
  CHECK(first == before.entities[1]);
  CHECK(first.entity.key.start_ns == container.started_ns);
  CHECK(second.entity.key.start_ns == again.started_ns);
  auto const& metrics = batch.schemas[1].metrics;
  auto const usage = std::ranges::find(metrics, m::cpu_usage) - metrics.begin();
  auto const up = std::ranges::find(metrics, m::state_up) - metrics.begin();
  CHECK(batch.rows[1].cells[static_cast<std::size_t>(usage)] == 8'000'000'000);
  CHECK_FALSE(batch.rows[1].cells[static_cast<std::size_t>(up)]);
  CHECK(batch.rows[2].cells[static_cast<std::size_t>(usage)] == 20'000);
  CHECK(batch.rows[2].cells[static_cast<std::size_t>(up)] == 1);
}

TEST_CASE("lives of one container that came and went twice are told apart by their ends") {
  FakeHost host;
  Sampled sampled(host);
  (void)sampled.tick({});
  auto first = begin(host, 'a', 77);
  auto const first_exit = lived(host, sampled.sampler, first, 100);
  host.clock.advance(std::chrono::seconds(2));
  auto second = begin(host, 'a', 78);
  auto const second_exit = lived(host, sampled.sampler, second, 200);
  auto const batch = sampled.tick({second}, true, {second_exit, first_exit});
  REQUIRE(batch.rows.size() == 3);
  for (auto const& [slot, entity] : batch.entities) {
    if (entity.key.kind == EntityKind::host) continue;
    auto const row = std::ranges::find(batch.rows, slot, &Row::slot);
    auto const& metrics = batch.schemas[1].metrics;
    auto const usage = std::ranges::find(metrics, m::cpu_usage) - metrics.begin();
    CHECK(row->cells[static_cast<std::size_t>(usage)] ==
          (entity.key.start_ns == first.started_ns ? 100'000 : 200'000));
  }
}

TEST_CASE("without a runtime a brief life is known by its cgroup, and its end is told") {
  FakeHost host;
  Sampled sampled(host);
  (void)sampled.tick({}, false);
  auto const begun = host.clock.wall().time_since_epoch().count();
  auto container = begin(host, 'a', 77);
  (void)lived(host, sampled.sampler, container, 4000);
  auto const batch = sampled.tick({}, false);
  CHECK(cell(batch, a, m::cpu_usage) == 4'000'000);
  CHECK(label(batch, a, "name") == "docker-aaaaaaaaaaaa");
  CHECK(find(batch, a)->entity.key.start_ns == begun);
  REQUIRE(batch.events.size() == 1);
  CHECK(batch.events[0].kind == ContainerEventKind::exit);
  CHECK(batch.events[0].entity == find(batch, a)->entity);
  CHECK(batch.events[0].time_ns == begun);
  CHECK_FALSE(batch.events[0].exit_code);
}

TEST_CASE("a brief life waits for the runtime's word, but not for ever") {
  FakeHost host;
  Sampled sampled(host);
  (void)sampled.tick({});
  auto container = begin(host, 'a', 77);
  (void)lived(host, sampled.sampler, container, 4000);
  CHECK(sampled.tick({}).rows.size() == 1);
  auto const batch = sampled.tick({});  // 20 s behind its end: beyond the grace of 15
  CHECK(cell(batch, a, m::cpu_usage) == 4'000'000);
  CHECK(label(batch, a, "app") == "docker");
}

TEST_CASE("of a brief life whose end is missed the last glance is what is known") {
  FakeHost host;
  Sampled sampled(host);
  (void)sampled.tick({}, false);
  CHECK_FALSE(sampled.sampler.glance());
  auto const container = begin(host, 'a', 77);
  sampled.sampler.attend();
  host.usage(cgroup_a, 7000);
  CHECK(sampled.sampler.glance() == std::chrono::milliseconds(20));
  host.usage(cgroup_a, 9000);
  host.clock.advance(std::chrono::milliseconds(15));
  CHECK(sampled.sampler.glance() == std::chrono::milliseconds(5));  // not looked at again
  host.remove(cgroup_a);
  sampled.sampler.attend();
  CHECK_FALSE(sampled.sampler.glance());
  auto const batch = sampled.tick({}, false);
  CHECK(cell(batch, a, m::cpu_usage) == 7'000'000);
}

TEST_CASE("the older a brief life, the more rarely it is looked at") {
  FakeHost host;
  Sampled sampled(host);
  (void)sampled.tick({}, false);
  (void)begin(host, 'a', 77);
  sampled.sampler.attend();
  int looks = 0;
  for (Nanoseconds age{}; age < std::chrono::seconds(9); ++looks) {
    auto const next = sampled.sampler.glance();
    REQUIRE(next);
    host.clock.advance(*next);
    age += *next;
  }
  // Ten of 20 ms to 200 ms, then by a tenth each: 1.1^40 = 45.3 = 9 s / 0.2 s.
  CHECK(looks >= 48);
  CHECK(looks <= 52);
}

TEST_CASE("a life whose end is told late keeps the counters of its end") {
  FakeHost host;
  Sampled sampled(host);
  (void)sampled.tick({});
  auto container = begin(host, 'a', 77);
  auto const running = container;
  auto const exit = lived(host, sampled.sampler, container, 5000);
  // The runtime's picture still has it running.
  CHECK(sampled.tick({running}).rows.size() == 1);
  auto const batch = sampled.tick({container}, true, {exit});
  CHECK(cell(batch, a, m::cpu_usage) == 5'000'000);
  CHECK(find(batch, a)->entity.key.start_ns == container.started_ns);
  CHECK(sampled.tick({container}).rows.size() == 1);
}

TEST_CASE("what containers used and no row shows is the host's unaccounted CPU") {
  FakeHost host;
  Sampled sampled(host);
  auto container = begin(host, 'a', 77);
  host.usage("/docker", 1'000'000);
  host.usage(cgroup_a, 400'000);
  CHECK(cell(sampled.tick({container}), host_id, m::cpu_unaccounted) == 0);
  // 0.5 s by the container, 0.2 s by nobody who was seen.
  host.usage("/docker", 1'700'000);
  host.usage(cgroup_a, 900'000);
  CHECK(cell(sampled.tick({container}), host_id, m::cpu_unaccounted) == 200'000'000);
  // A brief life of 0.3 s, and the container's last 0.1 s.
  auto brief = begin(host, 'b', 78);
  auto const brief_exit = lived(host, sampled.sampler, brief, 300'000);
  auto const exit = lived(host, sampled.sampler, container, 1'000'000);
  host.usage("/docker", 2'100'000);
  auto const batch = sampled.tick({container, brief}, true, {brief_exit, exit});
  CHECK(cell(batch, a, m::cpu_usage) == 1'000'000'000);
  CHECK(cell(batch, b, m::cpu_usage) == 300'000'000);
  CHECK(cell(batch, host_id, m::cpu_unaccounted) == 200'000'000);
  // A reader's lag: the container's figure is ahead of its parent's, then the parent catches up.
  auto next = begin(host, 'a', 79);
  host.usage(cgroup_a, 50'000);
  host.usage("/docker", 2'140'000);
  CHECK(cell(sampled.tick({next}), host_id, m::cpu_unaccounted) == 200'000'000);
  host.usage("/docker", 2'150'000);
  CHECK(cell(sampled.tick({next}), host_id, m::cpu_unaccounted) == 200'000'000);
}
