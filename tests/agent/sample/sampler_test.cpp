#include "agent/sample/sampler.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

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

}  // namespace

TEST_CASE("a tick gives a row for the host and one for each running container") {
  FakeHost host;
  Sampled sampled(host);
  auto container = host.start('a', 77, 250'000);
  container.env = {{"MARATHON_APP_ID", "/shop/cart"}, {"MARATHON_APP_LABEL_OWNER", "ann"}};
  container.restart_count = 4;
  auto stopped = host.start('b', 78);
  stopped.running = false;
  auto const batch = sampled.tick({container, stopped});
  CHECK(batch.stream == StreamId{"host-1", 1});
  CHECK(batch.tick == from_unix_seconds(1'795'390'010));
  CHECK(batch.step == std::chrono::seconds(10));
  REQUIRE(batch.rows.size() == 2);
  CHECK(batch.entities[0].entity.key == EntityKey{EntityKind::host, "host-1", "", 0});
  CHECK(cell(batch, host_id, m::cpu_user) == 1'000'000'000);
  CHECK(cell(batch, host_id, m::containers_running) == 1);
  CHECK(find(batch, a)->entity.key ==
        EntityKey{EntityKind::container, "host-1", a, container.started_ns});
  CHECK(label(batch, a, "app") == "/shop/cart");
  CHECK(label(batch, a, "instance") == "aaaaaaaaaaaa");
  CHECK(label(batch, a, "owner") == "ann");
  CHECK(label(batch, a, "cluster") == "prod");
  CHECK(label(batch, a, "host") == "host-1");
  CHECK(label(batch, a, "runtime") == "docker");
  CHECK(cell(batch, a, m::cpu_usage) == 250'000'000);
  CHECK(cell(batch, a, m::cpu_limit) == real_cell(0.5));
  CHECK(cell(batch, a, m::cpu_host_cpus) == 2);
  CHECK(cell(batch, a, m::mem_usage) == 1000);
  CHECK_FALSE(cell(batch, a, m::mem_oom_kills));
  CHECK(cell(batch, a, m::net_rx_bytes) == 100);
  CHECK(cell(batch, a, m::state_up) == 1);
  CHECK(cell(batch, a, m::state_uptime) == 15);
  CHECK(cell(batch, a, m::state_restarts) == 4);
  CHECK(cell(batch, a, m::state_paused) == 0);
}

TEST_CASE("containerd's containers are found by the cgroup they asked for, and waited for") {
  FakeHost host;
  Sampled sampled(host);
  RuntimeState runtimes;
  runtimes.containerd = true;
  runtimes.namespaces = {"default"};
  host.place("/default/web", 77, 250'000);
  host.place("/asked/for", 78, 100'000);
  Container web, other;
  web.id = "default/web";
  web.name = "web";
  web.runtime = other.runtime = "containerd";
  web.running = other.running = true;
  web.pid = 77;
  other.pid = 78;
  web.started_ns = other.started_ns = 5;
  web.cgroup = "/default/web";
  other.id = "default/other";
  other.cgroup = "/asked/for";
  // Its word of them is on the way: they are not taken for strangers.
  CHECK(sampled.tick_of_runtimes({}, runtimes).rows.size() == 1);
  auto const batch = sampled.tick_of_runtimes({web, other}, runtimes);
  REQUIRE(batch.rows.size() == 3);
  CHECK(cell(batch, "default/web", m::cpu_usage) == 250'000'000);
  CHECK(cell(batch, "default/other", m::cpu_usage) == 100'000'000);
  CHECK(cell(batch, "default/web", m::net_rx_bytes) == 100);
  CHECK(label(batch, "default/web", "runtime") == "containerd");
  CHECK(label(batch, "default/web", "instance") == "host-1");
  CHECK_FALSE(cell(batch, "default/web", m::state_restarts));  // it does not tell
  CHECK(cell(batch, host_id, m::containers_starts) == 2);
  // One that it never tells of has a row after a while, under its namespace's name.
  host.place("/default/stray", 79, 1000);
  CHECK(sampled.tick_of_runtimes({web, other}, runtimes).rows.size() == 3);
  (void)sampled.tick_of_runtimes({web, other}, runtimes);
  CHECK(find(sampled.tick_of_runtimes({web, other}, runtimes), "default/stray"));
}

TEST_CASE("Mesos names what its cgroups show, and waits for a name are not for ever") {
  FakeHost host;
  Sampled sampled(host);
  std::string const task = "5d1f0c9e-8a51-4b2e-9c0a-1f2e3d4c5b6a";
  host.place("/tasks/" + task, 77, 250'000);
  RuntimeState mesos;
  mesos.mesos = true;
  mesos.mesos_root = "/tasks";
  // Asked for, and no stranger meanwhile.
  CHECK(sampled.tick_of_runtimes({}, mesos).rows.size() == 1);
  CHECK(sampled.sampler.has_strangers());
  Container name;
  name.id = task;
  name.name = "cart.shop";
  name.runtime = "mesos";
  name.names_only = true;
  name.labels = {{"owner", "ann"}};
  name.env = {{"MESOS_FRAMEWORK_NAME", "marathon"}, {"MESOS_TASK_ID", "shop_cart." + task}};
  auto other = name;  // of no cgroup here: Docker's, or one that has ended
  other.id = "0a1b2c3d-0000-4b2e-9c0a-1f2e3d4c5b6a";
  auto const batch = sampled.tick_of_runtimes({name, other}, mesos);
  CHECK_FALSE(sampled.sampler.has_strangers());
  REQUIRE(batch.rows.size() == 2);
  CHECK(label(batch, task, "app") == "/shop/cart");
  CHECK(label(batch, task, "owner") == "ann");
  CHECK(label(batch, task, "name") == "cart.shop");
  CHECK(label(batch, task, "runtime") == "mesos");
  CHECK(cell(batch, task, m::cpu_usage) == 250'000'000);
  CHECK(cell(batch, task, m::net_rx_bytes) == 100);
  CHECK_FALSE(cell(batch, task, m::state_restarts));
  CHECK_FALSE(cell(batch, task, m::state_paused));
  // It goes on though its name is lost, and ends with its cgroup whatever is said of it.
  auto const again = sampled.tick_of_runtimes({}, mesos);
  CHECK(find(again, task)->slot == find(batch, task)->slot);
  CHECK(label(again, task, "app") == "/shop/cart");
  host.remove("/tasks/" + task);
  host.tree.remove("proc/77");
  (void)sampled.tick_of_runtimes({name}, mesos);
  CHECK_FALSE(find(sampled.tick_of_runtimes({name}, mesos), task));
  // Where Mesos does not answer it counts at once, by its cgroup, and gets its name later.
  host.place("/mesos/" + other.id, 78, 1000);
  auto const unnamed = sampled.tick_of_runtimes({}, RuntimeState());
  CHECK(label(unnamed, other.id, "app") == "mesos");
  mesos.mesos_root = "";
  auto const named = sampled.tick_of_runtimes({other}, mesos);
  CHECK(label(named, other.id, "app") == "/shop/cart");
  CHECK(find(named, other.id)->slot == find(unnamed, other.id)->slot);
}

TEST_CASE("schemas and slots stay the same from tick to tick") {
  FakeHost host;
  Sampled sampled(host);
  auto const container = host.start('a', 77);
  auto const first = sampled.tick({container});
  host.usage(FakeHost::cgroup(a), 9000);
  auto const second = sampled.tick({container});
  CHECK(first.schemas == second.schemas);
  CHECK(first.entities == second.entities);
  CHECK(cell(second, a, m::cpu_usage) == 9'000'000);
}

TEST_CASE("a reading that would start more than half a step late is not taken") {
  FakeHost host;
  Sampled sampled(host);
  auto const container = host.start('a', 77);
  auto const tick = host.clock.wall();
  host.clock.advance(std::chrono::milliseconds(5001));
  auto const batch = sampled.sampler.sample(tick, std::vector{container}, RuntimeState());
  REQUIRE_FALSE(batch);
  CHECK(batch.error().code == Errc::timeout);
  CHECK(sampled.sampler.stats().late_ticks == 1);
  CHECK(sampled.sampler.sample(tick + std::chrono::seconds(1), std::vector{container},
                               RuntimeState()));
}

TEST_CASE("a restart under the same id is another life in another slot") {
  FakeHost host;
  Sampled sampled(host);
  auto container = host.start('a', 77, 900'000);
  auto const before = sampled.tick({container});
  host.stop(container);
  auto const restarted = host.start('a', 80, 5);
  auto const after = sampled.tick({restarted});
  CHECK(find(after, a)->slot != find(before, a)->slot);
  CHECK(find(after, a)->entity.key.start_ns == restarted.started_ns);
  CHECK(find(after, a)->entity.labels == find(before, a)->entity.labels);
  CHECK(cell(after, a, m::cpu_usage) == 5000);
  CHECK(cell(after, host_id, m::containers_starts) == 1);
  CHECK(cell(after, host_id, m::containers_exits) == 1);
  CHECK(cell(after, host_id, m::containers_running) == 1);
}

TEST_CASE("slots are not given again, also after the agent went on from where it was") {
  FakeHost host;
  std::set<std::uint32_t> seen;
  auto options = host.options();
  options.first_slot = 40;
  Sampled sampled(host, options);
  for (char digit : {'a', 'b', 'c'}) {
    auto const container = host.start(digit, 70 + digit);
    auto const batch = sampled.tick({container});
    CHECK(batch.rows[0].slot == 40);
    CHECK(seen.insert(find(batch, container.id)->slot).second);
    host.stop(container);
  }
  CHECK(sampled.sampler.next_slot() > *seen.rbegin());
  CHECK(*seen.begin() > 40);
}

TEST_CASE("a container that vanishes is left out, counted once, and comes back with its restart") {
  FakeHost host;
  Sampled sampled(host);
  auto const container = host.start('a', 77);
  auto const other = host.start('b', 78);
  host.stop(container);
  for (int i = 0; i < 3; ++i) {
    auto const batch = sampled.tick({container, other});
    CHECK_FALSE(find(batch, a));
    CHECK(find(batch, b));
    CHECK(cell(batch, host_id, m::containers_running) == 1);
    CHECK(sampled.sampler.stats().vanished == 1);
  }
  auto const restarted = host.start('a', 80);
  CHECK(find(sampled.tick({restarted, other}), a));
  CHECK(sampled.sampler.stats().vanished == 1);
}

TEST_CASE("a run that the runtime has not told of is a new life once the runtime is away") {
  FakeHost host;
  Sampled sampled(host);
  auto const container = host.start('a', 77, 900'000);
  auto const before = sampled.tick({container});
  for (int i = 0; i < 6; ++i) sampled.tick({container});  // up to the next slow reading
  host.stop(container);
  sampled.sampler.refresh(a);
  CHECK_FALSE(find(sampled.tick({container}), a));
  host.place(FakeHost::cgroup(a), container.pid, 5);
  host.clock.advance(std::chrono::seconds(1));
  sampled.sampler.attend();
  auto const begun = host.clock.wall();
  auto const after = sampled.tick({container}, false);
  REQUIRE(find(after, a));
  CHECK(find(after, a)->slot != find(before, a)->slot);
  CHECK(find(after, a)->entity.key.start_ns == begun.time_since_epoch().count());
  CHECK(cell(after, a, m::cpu_usage) == 5000);
}

TEST_CASE("a rename shows at the next tick, in the same life") {
  FakeHost host;
  Sampled sampled(host);
  auto container = host.start('a', 77);
  auto const before = sampled.tick({container});
  container.name = "renamed";
  auto const after = sampled.tick({container});
  CHECK(label(after, a, "name") == "renamed");
  CHECK(label(after, a, "app") == "renamed");
  CHECK(find(after, a)->slot == find(before, a)->slot);
}

TEST_CASE("a changed limit shows at once when the runtime tells, else within the slow pace") {
  FakeHost host;
  Sampled sampled(host);
  auto const container = host.start('a', 77);
  sampled.tick({container});
  host.tree.write("cg" + FakeHost::cgroup(a) + "/cpu.max", "70000 100000\n");
  CHECK(cell(sampled.tick({container}), a, m::cpu_limit) == real_cell(0.5));
  sampled.sampler.refresh(a);
  CHECK(cell(sampled.tick({container}), a, m::cpu_limit) == real_cell(0.7));
  host.tree.write("cg" + FakeHost::cgroup(a) + "/cpu.max", "90000 100000\n");
  for (int i = 0; i < 5; ++i) sampled.tick({container});
  CHECK(cell(sampled.tick({container}), a, m::cpu_limit) == real_cell(0.9));
}

TEST_CASE("a paused container goes on, marked") {
  FakeHost host;
  Sampled sampled(host);
  auto container = host.start('a', 77);
  container.paused = true;
  auto const batch = sampled.tick({container});
  CHECK(cell(batch, a, m::state_paused) == 1);
  CHECK(cell(batch, a, m::state_up) == 1);
  CHECK(cell(batch, a, m::cpu_usage) == 1'000'000);
}

TEST_CASE("network: the host's namespace gives no figure, a shared one counts once") {
  FakeHost host;
  Sampled sampled(host);
  auto owner = host.start('b', 78);
  auto guest = host.start('a', 77);
  guest.network_mode = "container:" + owner.id;
  host.share_net(77, 78);
  auto on_host = host.start('c', 79);
  on_host.network_mode = "host";
  auto unsaid = host.start('d', 80);
  host.share_net(80, 1);
  auto const batch = sampled.tick({owner, guest, on_host, unsaid});
  CHECK(cell(batch, owner.id, m::net_rx_bytes) == 100);
  CHECK_FALSE(cell(batch, guest.id, m::net_rx_bytes));
  CHECK_FALSE(cell(batch, on_host.id, m::net_rx_bytes));
  CHECK_FALSE(cell(batch, unsaid.id, m::net_rx_bytes));
}

TEST_CASE("network: a pod's figures go to one of its containers and stay there") {
  FakeHost host;
  Sampled sampled(host);
  auto sandbox = host.start('f', 90);
  sandbox.labels = {{"io.kubernetes.docker.type", "podsandbox"}};
  auto one = host.start('b', 78);
  auto two = host.start('a', 77);
  for (auto* container : {&one, &two}) {
    container->network_mode = "container:" + sandbox.id;
    host.share_net(container->pid, sandbox.pid);
  }
  auto batch = sampled.tick({sandbox, one});
  CHECK_FALSE(find(batch, sandbox.id));
  CHECK(cell(batch, one.id, m::net_rx_bytes) == 100);
  batch = sampled.tick({sandbox, two, one});
  CHECK(cell(batch, one.id, m::net_rx_bytes) == 100);
  CHECK_FALSE(cell(batch, two.id, m::net_rx_bytes));
  batch = sampled.tick({sandbox, two});
  CHECK(cell(batch, two.id, m::net_rx_bytes) == 100);
}

TEST_CASE("network: an interface that is taken away does not make the counters fall") {
  FakeHost host;
  Sampled sampled(host);
  auto const container = host.start('a', 77);
  host.net(77, 5000);
  CHECK(cell(sampled.tick({container}), a, m::net_rx_bytes) == 5000);
  host.net(77, 300);
  CHECK(cell(sampled.tick({container}), a, m::net_rx_bytes) == 5000);
  host.net(77, 350);
  CHECK(cell(sampled.tick({container}), a, m::net_rx_bytes) == 5050);
}

TEST_CASE("a cgroup that Docker does not know counts after a while, one it knows never twice") {
  FakeHost host;
  Sampled sampled(host);
  auto const known = host.start('a', 77);
  auto const late = host.start('b', 78);
  CHECK_FALSE(find(sampled.tick({known}), b));
  CHECK_FALSE(find(sampled.tick({known}), b));
  auto const batch = sampled.tick({known});
  REQUIRE(find(batch, b));
  CHECK(label(batch, b, "app") == "docker");
  CHECK(label(batch, b, "instance") == "bbbbbbbbbbbb");
  CHECK(label(batch, b, "name") == "docker-bbbbbbbbbbbb");
  CHECK(cell(batch, b, m::net_rx_bytes) == 100);
  CHECK_FALSE(cell(batch, b, m::state_restarts));
  // Its first process: 78 ticks of 10 ms after the boot.
  CHECK(find(batch, b)->entity.key.start_ns == 1'795'000'000'780'000'000);
  auto const named = sampled.tick({known, late});
  CHECK(named.rows.size() == 3);
  CHECK(label(named, b, "app") == "name-b");
}

TEST_CASE("without a runtime cgroups count at once, and systemd's services too") {
  FakeHost host;
  Sampled sampled(host);
  host.start('a', 77);
  host.place("/system.slice/cron.service", 81, 7);
  host.share_net(81, 1);
  auto batch = sampled.tick({}, false);
  CHECK(batch.rows.size() == 3);
  CHECK(label(batch, a, "runtime") == "docker");
  CHECK(label(batch, "cron", "app") == "cron");
  CHECK(label(batch, "cron", "instance") == "host-1");
  CHECK(label(batch, "cron", "runtime") == "systemd");
  CHECK(cell(batch, "cron", m::cpu_usage) == 7000);
  CHECK_FALSE(cell(batch, "cron", m::net_rx_bytes));
  // A runtime appears: services are no instances any more.
  batch = sampled.tick({}, true);
  CHECK_FALSE(find(batch, "cron"));

  auto options = host.options();
  options.services = Services::never;
  Sampled without(host, options);
  CHECK_FALSE(find(without.tick({}, false), "cron"));
}

TEST_CASE("a container inside a container is in the outer one's figures, not in a row of its own") {
  FakeHost host;
  host.start('a', 77);
  host.place(FakeHost::cgroup(a) + "/docker/" + b, 78, 10);
  {
    Sampled sampled(host);
    auto const batch = sampled.tick({}, false);
    CHECK(find(batch, a));
    CHECK_FALSE(find(batch, b));
  }
  auto options = host.options();
  options.nested = true;
  Sampled sampled(host, options);
  CHECK(find(sampled.tick({}, false), b));
}

TEST_CASE("a container whose cgroup is nowhere still has a state while its process lives") {
  FakeHost host;
  Sampled sampled(host);
  auto const container = host.start('a', 77);
  host.tree.remove("cg/docker/" + a);
  auto const batch = sampled.tick({container});
  CHECK(cell(batch, a, m::state_up) == 1);
  CHECK_FALSE(cell(batch, a, m::cpu_usage));
  CHECK(cell(batch, a, m::net_rx_bytes) == 100);
  CHECK(sampled.sampler.stats().vanished == 0);
}

TEST_CASE("a host without any cgroup file system still has its own row") {
  FakeHost host;
  host.tree.write("proc/self/mountinfo", "");
  Sampled sampled(host);
  auto const batch = sampled.tick({}, false);
  CHECK(batch.rows.size() == 1);
  CHECK(cell(batch, host_id, m::mem_total) == 1'024'000'000);
  CHECK(sampled.sampler.cgroup_mode() == CgroupMode::none);
  // It is looked for again.
  host.tree.write("proc/self/mountinfo", "25 19 0:23 / /cg rw - cgroup2 cgroup2 rw\n");
  for (int i = 0; i < 6; ++i) sampled.tick({}, false);
  CHECK(sampled.sampler.cgroup_mode() == CgroupMode::v2);
}

TEST_CASE("the agent's own figures are in the host's row") {
  FakeHost host;
  Sampled sampled(host);
  sampled.sampler.set_self({1234, 5, -60});
  auto const batch = sampled.tick({});
  CHECK(cell(batch, host_id, m::agent_spool_bytes) == 1234);
  CHECK(cell(batch, host_id, m::agent_dropped_rows) == 5);
  CHECK(cell(batch, host_id, m::clock_offset) == -60);
  CHECK(cell(batch, host_id, m::agent_cpu).value_or(0) > 0);
}
