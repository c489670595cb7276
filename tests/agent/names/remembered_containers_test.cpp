#include "agent/names/remembered_containers.hpp"

#include <catch2/catch.hpp>

#include "common/core/fd.hpp"
#include "tests/agent/file_tree.hpp"
#include "tests/agent/resolver/fake_source.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FakeSource;
using dadvisor::test::FileTree;
using dadvisor::test::HandClock;

namespace {

constexpr std::int64_t boot = 1'795'000'000;

struct World {
  FileTree tree;
  HandClock clock{from_unix_seconds(boot + 5000)};
  FakeSource* source = nullptr;
  std::unique_ptr<RememberedContainers> names;

  World() {
    tree.write("proc/stat", "cpu 1 1 1 1\nbtime " + std::to_string(boot) + "\n");
    start();
  }
  // Another run of the agent.
  void start() {
    names.reset();
    auto made = std::make_unique<FakeSource>();
    source = made.get();
    names = std::make_unique<RememberedContainers>(std::move(made), tree.path("containers"),
                                                   tree.path("proc"), clock, Log("names"));
  }
  // A process that began so many seconds after the boot.
  void process(int pid, int seconds) {
    tree.write("proc/" + std::to_string(pid) + "/stat",
               std::to_string(pid) + " (x) S 1 1 1 0 -1 0 1 0 0 0 5 6 0 0 20 0 1 0 " +
                   std::to_string(seconds * ::sysconf(_SC_CLK_TCK)) + " 0 0\n");
  }
  void run(std::string const& id, int pid, int seconds, std::string const& runtime = "docker") {
    process(pid, seconds);
    auto& its = source->run(id, "name-" + id);
    its.pid = pid;
    its.runtime = runtime;
    its.started_ns = (boot + seconds) * 1'000'000'000LL + 300'000'000;
    its.labels = {{"owner", "team@x"}};
    its.env = {{"MARATHON_APP_ID", "/shop/cart"}};
  }
  std::vector<std::string> ids() {
    std::vector<std::string> all;
    for (auto const& one : names->snapshot()) all.push_back(one.id);
    return all;
  }
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("what ran is told by the next run while its runtime is away and its process lives") {
  World world;
  world.source->told.docker = {true, true, {}, {}};
  world.run("a", 77, 100);
  world.run("b", 78, 200);
  world.run("ended", 79, 300);
  world.source->containers["ended"].running = false;
  auto const before = world.names->snapshot();
  CHECK(before.size() == 3);
  world.start();
  world.source->told.docker = {true, false, {}, {}};
  auto const after = world.names->snapshot();
  REQUIRE(after.size() == 2);
  CHECK(after[0] == before[0]);
  CHECK(after[1] == before[1]);
  // Whose process ended, or has its number only, is told no more.
  world.tree.remove("proc/77");
  world.process(78, 4000);
  CHECK(world.ids().empty());
  world.process(78, 200);
  CHECK(world.ids().empty());
}

TEST_CASE("once a runtime answers, its word alone counts") {
  World world;
  world.run("a", 77, 100);
  world.run("c", 79, 100, "containerd");
  CHECK(world.ids() == Ids{"a", "c"});
  world.start();
  CHECK(world.ids() == Ids{"a", "c"});
  world.source->told.docker.up = true;
  world.run("b", 78, 200);
  CHECK(world.ids() == Ids{"b", "c"});
  world.source->told.docker.up = false;
  CHECK(world.ids() == Ids{"b", "c"});
  world.source->told.containerd.up = true;
  CHECK(world.ids() == Ids{"b"});
}

TEST_CASE("two runs without an answer remember as well; a damaged file is nothing remembered") {
  World world;
  world.run("a", 77, 100);
  CHECK(world.ids() == Ids{"a"});
  world.start();
  CHECK(world.ids() == Ids{"a"});
  world.start();
  CHECK(world.ids() == Ids{"a"});
  world.names.reset();
  auto const file = read_file(world.tree.path("containers"));
  REQUIRE(file);
  for (std::size_t size = 0; size < file->size(); ++size) {
    world.tree.write("containers", file->substr(0, size));
    world.start();
    CHECK(world.ids().empty());
    world.names.reset();
  }
}

TEST_CASE("the file is written when something changed, at most every half minute, and at the end") {
  World world;
  world.run("a", 77, 100);
  (void)world.names->snapshot();
  auto const first = read_file(world.tree.path("containers"));
  REQUIRE(first);
  world.run("b", 78, 200);
  (void)world.names->snapshot();
  CHECK(*read_file(world.tree.path("containers")) == *first);
  world.clock.advance(std::chrono::seconds(30));
  (void)world.names->snapshot();
  CHECK(read_file(world.tree.path("containers"))->size() > first->size());
  world.source->containers.erase("b");
  (void)world.names->snapshot();
  world.names.reset();
  CHECK(*read_file(world.tree.path("containers")) == *first);
}
