// Containers that were removed before their last figures could be read: their parent's counter
// tells.

#include <catch2/catch.hpp>

#include "tests/agent/sample/fake_host.hpp"
#include "tests/agent/sample/sampled.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::cell;
using dadvisor::test::FakeHost;
using dadvisor::test::find;
using dadvisor::test::Sampled;
using std::chrono::milliseconds;
namespace m = dadvisor::metric;

namespace {

std::string const a = FakeHost::id('a'), b = FakeHost::id('b'), c = FakeHost::id('c'), host_id;

// A container `a` that stays, below a parent that had used 0.6 s more; of a host of two CPUs.
struct Parent {
  FakeHost host;
  Sampled sampled{host};

  Parent() {
    (void)host.start('a', 77, 400'000);
    used(1'000'000);
    (void)sampled.tick({}, false);
    (void)sampled.tick({}, false);
  }
  void used(std::int64_t us) { host.usage("/docker", us); }
  void begin(char digit, std::int64_t pid) {
    (void)host.start(digit, pid, 0);
    sampled.sampler.attend();
  }
  // Its cgroup is gone in the moment in which its process is.
  void remove(std::string const& id) {
    host.remove(FakeHost::cgroup(id));
    sampled.sampler.attend();
  }
  Batch tick() { return sampled.tick({}, false); }
};

}  // namespace

TEST_CASE("what a parent used and nobody there is that of a container whose end was missed") {
  Parent parent;
  parent.begin('b', 78);
  parent.host.usage(FakeHost::cgroup(b), 200'000);
  parent.used(1'200'000);
  (void)parent.sampled.sampler.glance();
  // 150 ms more, and 100 ms of the other, in the 100 ms until it is gone.
  parent.host.usage(FakeHost::cgroup(a), 500'000);
  parent.used(1'450'000);
  parent.host.clock.advance(milliseconds(100));
  parent.remove(b);
  auto const batch = parent.tick();
  CHECK(cell(batch, b, m::cpu_usage) == 350'000'000);
  CHECK(cell(batch, a, m::cpu_usage) == 500'000'000);
  CHECK(cell(batch, host_id, m::cpu_unaccounted) == 0);
  CHECK(parent.sampled.sampler.stats().told_by_parents == 1);
}

TEST_CASE("of one that was never looked at the parent knows all") {
  Parent parent;
  parent.begin('b', 78);
  parent.used(1'030'000);
  parent.host.clock.advance(milliseconds(40));
  parent.remove(b);
  auto const batch = parent.tick();
  CHECK(cell(batch, b, m::cpu_usage) == 30'000'000);
  CHECK(parent.sampled.sampler.stats().missed_ends == 0);
}

TEST_CASE("more than a container had time for is not its") {
  Parent parent;
  parent.begin('b', 78);
  parent.used(9'000'000);  // 8 s by somebody who was not seen
  parent.host.clock.advance(milliseconds(40));
  parent.remove(b);
  // Nor is it that of the next.
  parent.begin('c', 79);
  parent.used(9'020'000);
  parent.host.clock.advance(milliseconds(40));
  parent.remove(c);
  auto const batch = parent.tick();
  CHECK(cell(batch, b, m::cpu_usage) == 2 * 50'000'000);  // 40 ms and 10 of lag, on two CPUs
  CHECK(cell(batch, c, m::cpu_usage) == 20'000'000);
  CHECK(cell(batch, host_id, m::cpu_unaccounted) == 8'000'000'000 - 100'000'000);
}

TEST_CASE("two that went together share what was used by the time that they had") {
  Parent parent;
  parent.begin('b', 78);
  parent.host.clock.advance(milliseconds(60));
  parent.begin('c', 79);
  parent.host.clock.advance(milliseconds(20));
  parent.used(1'120'000);
  parent.host.remove(FakeHost::cgroup(b));
  parent.remove(c);
  auto const batch = parent.tick();
  // 80 + 10 and 20 + 10 ms.
  CHECK(cell(batch, b, m::cpu_usage) == 90'000'000);
  CHECK(cell(batch, c, m::cpu_usage) == 30'000'000);
}

TEST_CASE("one that has rows and whose end is missed has a last row by its parent") {
  Parent parent;
  parent.begin('b', 78);
  parent.host.usage(FakeHost::cgroup(b), 50'000);
  parent.used(1'050'000);
  REQUIRE(find(parent.tick(), b));
  parent.used(1'090'000);
  parent.host.clock.advance(milliseconds(100));
  parent.remove(b);
  auto const batch = parent.tick();
  CHECK(cell(batch, b, m::cpu_usage) == 90'000'000);
  CHECK_FALSE(cell(batch, b, m::state_up));
  CHECK(cell(batch, host_id, m::cpu_unaccounted) == 0);
}

TEST_CASE("an end that was read leaves the parent's account right") {
  Parent parent;
  parent.begin('b', 78);
  parent.begin('c', 79);
  parent.host.usage(FakeHost::cgroup(b), 70'000);
  parent.host.empty(FakeHost::cgroup(b));
  parent.sampled.sampler.attend();
  parent.remove(b);
  parent.used(1'100'000);
  parent.host.clock.advance(milliseconds(40));
  parent.remove(c);
  auto const batch = parent.tick();
  CHECK(cell(batch, b, m::cpu_usage) == 70'000'000);
  CHECK(cell(batch, c, m::cpu_usage) == 30'000'000);
  CHECK(parent.sampled.sampler.stats().told_by_parents == 1);
}

TEST_CASE("where the parent will tell, a brief life is looked at more rarely") {
  Parent parent;
  parent.begin('b', 78);
  int looks = 0;
  for (Nanoseconds age{}; age < std::chrono::seconds(9); ++looks) {
    auto const next = parent.sampled.sampler.glance();
    REQUIRE(next);
    parent.host.clock.advance(*next);
    age += *next;
  }
  // At 0, 20 and 40 ms, then at half more of the age each time: 0.06 s * 1.5^12.4 = 9 s.
  CHECK(looks >= 15);
  CHECK(looks <= 17);
}

TEST_CASE("who looks at one looks at those whose time has nearly come") {
  Parent parent;
  parent.begin('b', 78);
  (void)parent.sampled.sampler.glance();
  parent.host.clock.advance(milliseconds(4));
  parent.begin('c', 79);
  // Of b there is nothing to be seen yet.
  CHECK(parent.sampled.sampler.glance() == milliseconds(16));
  parent.host.clock.advance(milliseconds(16));
  // c, due 4 ms later, is looked at with b.
  CHECK(parent.sampled.sampler.glance() == milliseconds(20));
}
