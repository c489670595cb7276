#include "agent/doctor/host_checks.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using Level = Finding::Level;

TEST_CASE("controllers are named with the hierarchy that they are on; missing ones with figures") {
  test::FileTree tree;
  tree.write("u/cgroup.controllers", "cpu io pids\n");
  CgroupMount unified;
  unified.point = tree.path("u");
  unified.root = "/";
  unified.unified = true;
  auto const pure = check_cgroups(Hierarchies({unified}));
  CHECK(pure.level == Level::note);
  CHECK(pure.found == "v2: cpu on v2, io on v2, pids on v2; not there: memory (mem.*)");
  CHECK_FALSE(pure.remedy.empty());

  CgroupMount old;
  old.point = tree.path("m");
  old.root = "/";
  old.controllers = {"memory"};
  auto const hybrid = check_cgroups(Hierarchies({old, unified}));
  CHECK(hybrid.level == Level::good);
  CHECK(hybrid.found == "hybrid: cpu on v2, memory on v1, io on v2, pids on v2");
  CHECK(check_cgroups(Error{Errc::unsupported, 0, "none"}).level == Level::fault);
}

TEST_CASE("what a kernel does not tell is a note, with its remedy") {
  test::FileTree tree;
  CHECK(check_pressure(tree.path("")).level == Level::note);
  tree.write("pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  CHECK(check_pressure(tree.path("")).level == Level::good);
  CHECK(check_proc(tree.path("")).level == Level::note);
  tree.write("1/net/dev", "");
  CHECK(check_proc(tree.path("")).level == Level::good);
}

TEST_CASE("descriptors are counted by containers") {
  CHECK(check_descriptors(0).level == Level::good);
  auto const many = check_descriptors(1'000'000'000);
  CHECK(many.found.find("24000000100") != std::string::npos);
}

TEST_CASE("the spool has its room, also before it is made") {
  test::FileTree tree;
  auto const absent = tree.path("not/yet");
  CHECK(check_spool(absent, 1).level == Level::good);
  CHECK(check_spool(absent, ~std::uint64_t{0}).level == Level::note);
  CHECK(check_spool(tree.root(), 1).level == Level::good);
  // Where the agent was started, also below what is not there yet.
  CHECK(check_spool("no/such/place", 1).level == Level::good);
  CHECK(check_spool("nowhere", 1).level == Level::good);
}
