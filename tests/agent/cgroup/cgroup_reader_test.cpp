#include "agent/cgroup/cgroup_reader.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "agent/host/block_devices.hpp"
#include "tests/agent/file_tree.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::FileTree;

namespace {

std::string const v1_path =
    "/docker/fad130c3cfe3cae4d6a6c368b4ea6ba28c798f4d70ee80d0841629aeaf06063d";
std::string const v2_path =
    "/docker/4f2a8c1e9b7d6035a1c2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f708192";

// A copy of a captured host, changed file by file.
struct Host {
  explicit Host(std::string const& fixture) {
    tree.copy("cgroup/" + fixture);
    tree.write("sys/block/loop0/dev", "7:0\n");
    tree.write("sys/block/ubda/dev", "98:0\n");
    tree.write("sys/block/sda/dev", "8:0\n");
    devices.refresh();
    facts.mem_total = std::int64_t{24683620} * 1024;
    facts.cpus = 2;
    facts.devices = &devices;
    auto found = Hierarchies::discover({tree.path("proc"), tree.root(), false});
    REQUIRE(found);
    hierarchies = std::move(*found);
  }
  Result<CgroupReader> open(std::string const& path) const {
    return CgroupReader::open(hierarchies, path);
  }
  CgroupReading first(std::string const& path) {
    auto reader = open(path);
    REQUIRE(reader);
    auto const reading = reader->read(facts, true, buffer);
    REQUIRE(reading);
    return *reading;
  }
  std::string v1(std::string const& controller, std::string const& file) const {
    return "sys/fs/cgroup/" + controller + v1_path + "/" + file;
  }
  std::string v2(std::string const& file) const { return "sys/fs/cgroup" + v2_path + "/" + file; }

  FileTree tree;
  BlockDevices devices{tree.path("sys")};
  HostFacts facts;
  Hierarchies hierarchies{{}};
  ReadBuffer buffer;
};

}  // namespace

TEST_CASE("a container on v1 with the unified tree beside it") {
  Host host("v1_hybrid_6.18");
  auto const reading = host.first(v1_path);
  CHECK(reading.cpu_usage == 26808949823);
  CHECK(reading.cpu_user == 19'950'000'000);
  CHECK(reading.cpu_system == 6'860'000'000);
  CHECK(reading.cpu_periods == 535);
  CHECK(reading.cpu_throttled == 531);
  CHECK(reading.cpu_throttled_time == 21551404726);
  CHECK(reading.cpu_limit == 0.5);
  CHECK(reading.cpu_shares == 512);
  CHECK(reading.mem_usage == 24231936);
  CHECK(reading.mem_working_set == 24231936 - 1818624);
  CHECK(reading.mem_rss == 21106688);
  CHECK(reading.mem_cache == 2641920);
  CHECK(reading.mem_mapped == 2052096);
  CHECK(reading.mem_shmem == 0);
  CHECK(reading.mem_swap == 0);
  CHECK(reading.mem_kernel == 483328);
  CHECK(reading.mem_peak == 24604672);
  CHECK(reading.mem_limit == 67108864);
  CHECK(reading.mem_limit_hits == 0);
  CHECK(reading.mem_oom_kills == 0);
  CHECK(reading.mem_faults == 6335);
  CHECK(reading.mem_major_faults == 2);
  // Of the bytes per device only Read and Write: Sync and Total are the same ones again.
  CHECK(reading.io_read_bytes == 10485760);
  CHECK(reading.io_write_bytes == 52428800);
  CHECK(reading.io_reads == 10);
  CHECK(reading.io_writes == 100);
  CHECK(reading.pids_current == 3);
  CHECK(reading.pids_limit == 20);
  CHECK(reading.pids_failed == 0);
  CHECK(reading.processes == 3);
  CHECK(reading.cpu_pressure_some == 20824964);
  CHECK(reading.mem_pressure_full == 0);
  CHECK(reading.io_pressure_some == 941);
}

TEST_CASE("a container on pure v2") {
  Host host("v2_6.1");
  auto const reading = host.first(v2_path);
  CHECK(reading.cpu_usage == 160'000'000);
  CHECK(reading.cpu_user == 150'000'000);
  CHECK(reading.cpu_system == 10'000'000);
  CHECK(reading.cpu_periods == 6);
  CHECK(reading.cpu_throttled == 3);
  CHECK(reading.cpu_throttled_time == 90'000'000);
  CHECK(reading.cpu_limit == 0.5);
  CHECK(reading.cpu_shares == 50);
  CHECK(reading.mem_usage == 106496);
  CHECK(reading.mem_working_set == 106496);
  CHECK(reading.mem_rss == 49152);
  CHECK(reading.mem_cache == 20480);
  CHECK(reading.mem_kernel == 28672);
  CHECK(reading.mem_dirty == 12288);
  CHECK(reading.mem_swap == 0);
  CHECK(reading.mem_peak == 1314816);
  CHECK(reading.mem_limit == 67108864);
  CHECK(reading.mem_faults == 773);
  CHECK(reading.io_read_bytes == 20975616);
  CHECK(reading.io_write_bytes == 20971520);
  CHECK(reading.io_reads == 184);
  CHECK(reading.io_writes == 180);
  CHECK(reading.pids_limit == 20);
  // This kernel was built without PSI.
  CHECK_FALSE(reading.cpu_pressure_some);
  CHECK_FALSE(reading.mem_pressure_some);
}

TEST_CASE("the CPU limit is the tightest quota up the tree and at most the cpuset") {
  Host host("v1_hybrid_6.18");
  SECTION("none at all is no limit") {
    host.tree.write(host.v1("cpu", "cpu.cfs_quota_us"), "-1\n");
    CHECK_FALSE(host.first(v1_path).cpu_limit);
  }
  SECTION("a pod above binds") {
    host.tree.write("sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us", "25000\n");
    CHECK(host.first(v1_path).cpu_limit == 0.25);
  }
  SECTION("a cpuset of one CPU is a limit of one") {
    host.tree.write(host.v1("cpu", "cpu.cfs_quota_us"), "150000\n");
    host.tree.write(host.v1("cpuset", "cpuset.effective_cpus"), "1\n");
    CHECK(host.first(v1_path).cpu_limit == 1.0);
  }
  SECTION("a quota of more than the host has binds nothing") {
    host.tree.write(host.v1("cpu", "cpu.cfs_quota_us"), "400000\n");
    CHECK_FALSE(host.first(v1_path).cpu_limit);
  }
  SECTION("old kernels have the configured cpuset only") {
    host.tree.remove(host.v1("cpuset", "cpuset.effective_cpus"));
    host.tree.write(host.v1("cpuset", "cpuset.cpus"), "0\n");
    host.tree.write(host.v1("cpu", "cpu.cfs_quota_us"), "-1\n");
    CHECK(host.first(v1_path).cpu_limit == 1.0);
  }
}

TEST_CASE("the CPU limit of v2 goes up the tree too") {
  Host host("v2_6.1");
  host.tree.write(host.v2("cpu.max"), "max 100000\n");
  CHECK_FALSE(host.first(v2_path).cpu_limit);
  host.tree.write("sys/fs/cgroup/docker/cpu.max", "30000 100000\n");
  CHECK(host.first(v2_path).cpu_limit == 0.3);
}

TEST_CASE("the memory limit is the tightest up the tree, and absent where it binds nothing") {
  SECTION("v1: a parent's shows in memory.stat alone") {
    Host host("v1_hybrid_6.18");
    auto const stat = host.v1("memory", "memory.stat");
    host.tree.write(stat, "hierarchical_memory_limit 8388608\ntotal_rss 1\n");
    host.tree.write(host.v1("memory", "memory.limit_in_bytes"), "16777216\n");
    CHECK(host.first(v1_path).mem_limit == 8388608);
  }
  SECTION("v1: the kernel's numbers for none") {
    Host host("v1_hybrid_6.18");
    for (char const* none : {"9223372036854771712", "9223372036854775807"}) {
      host.tree.write(host.v1("memory", "memory.stat"),
                      std::string("hierarchical_memory_limit ") + none + "\n");
      host.tree.write(host.v1("memory", "memory.limit_in_bytes"), none);
      CHECK_FALSE(host.first(v1_path).mem_limit);
    }
  }
  SECTION("v2: of the slice above") {
    Host host("v2_6.1");
    CHECK(host.first(v2_path).mem_limit == 67108864);  // docker/ says 268435456
    host.tree.write("sys/fs/cgroup/docker/memory.max", "33554432\n");
    CHECK(host.first(v2_path).mem_limit == 33554432);
    host.tree.write("sys/fs/cgroup/docker/memory.max", "max\n");
    host.tree.write(host.v2("memory.max"), "max\n");
    CHECK_FALSE(host.first(v2_path).mem_limit);
  }
  SECTION("more than the host has") {
    Host host("v2_6.1");
    host.facts.mem_total = 67108864;
    CHECK_FALSE(host.first(v2_path).mem_limit);
  }
}

TEST_CASE("the working set is never below nothing") {
  Host host("v2_6.1");
  host.tree.write(host.v2("memory.stat"), "anon 10\nfile 20\ninactive_file 999999\n");
  CHECK(host.first(v2_path).mem_working_set == 0);
}

TEST_CASE("kernel memory before 5.18 is the sum of what was told by then") {
  Host host("v2_6.1");
  host.tree.write(host.v2("memory.stat"), "slab 500\nkernel_stack 30\npagetables 4\nsock 9999\n");
  CHECK(host.first(v2_path).mem_kernel == 534);
  host.tree.write(host.v2("memory.stat"), "anon 1\n");
  CHECK_FALSE(host.first(v2_path).mem_kernel);
}

TEST_CASE("on v1 only the total_ lines count, for the others leave out child cgroups") {
  Host host("v1_hybrid_6.18");
  host.tree.write(host.v1("memory", "memory.stat"),
                  "cache 1\nrss 53248\nswap 3\ntotal_cache 10\ntotal_rss 52600832\ntotal_swap 30\n"
                  "total_rss_huge 7\n");
  auto const reading = host.first(v1_path);
  CHECK(reading.mem_rss == 52600832);
  CHECK(reading.mem_cache == 10);
  CHECK(reading.mem_swap == 30);
}

TEST_CASE("an OOM kill is told apart from a limit that was hit") {
  Host host("v1_hybrid_6.18");
  host.tree.write(host.v1("memory", "memory.oom_control"),
                  "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  auto reading = host.first(v1_path);
  CHECK(reading.mem_oom_kills == 1);
  CHECK(reading.mem_limit_hits == 0);
  // Kernels before 4.13 do not tell: absent, not 0.
  host.tree.write(host.v1("memory", "memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\n");
  CHECK_FALSE(host.first(v1_path).mem_oom_kills);
  Host v2("v2_6.1");
  v2.tree.write(v2.v2("memory.events"), "low 0\nhigh 0\nmax 247\noom 1\noom_kill 1\n");
  reading = v2.first(v2_path);
  CHECK(reading.mem_limit_hits == 247);
  CHECK(reading.mem_oom_kills == 1);
}

TEST_CASE("disk I/O that v1 does not count is absent, and 0 only where it would be counted") {
  Host host("v1_hybrid_6.18");
  for (char const* file :
       {"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_serviced_recursive"})
    host.tree.write(host.v1("blkio", file), "Total 0\n");
  host.facts.io_accounted = false;
  auto reading = host.first(v1_path);
  CHECK(reading.io_unaccounted);
  CHECK_FALSE(reading.io_read_bytes);
  CHECK_FALSE(reading.io_write_bytes);
  CHECK_FALSE(reading.io_reads);
  host.facts.io_accounted = true;
  reading = host.first(v1_path);
  CHECK_FALSE(reading.io_unaccounted);
  CHECK(reading.io_read_bytes == 0);
  CHECK(reading.io_writes == 0);
}

TEST_CASE("a device with lines counts though the disks of the host are not accounted for") {
  Host host("v1_hybrid_6.18");
  host.facts.io_accounted = false;
  CHECK(host.first(v1_path).io_write_bytes == 52428800);
}

TEST_CASE("a device that is not known yet is left out and reported") {
  Host host("v2_6.1");
  host.tree.write(host.v2("io.stat"),
                  "98:0 rbytes=5 wbytes=6 rios=1 wios=2 dbytes=0 dios=0\n"
                  "253:7 rbytes=100 wbytes=100 rios=9 wios=9 dbytes=0 dios=0\n259:0 \n");
  auto const reading = host.first(v2_path);
  CHECK(reading.io_read_bytes == 5);
  CHECK(reading.io_writes == 2);
  CHECK(reading.io_new_device);
}

TEST_CASE("disk figures do not fall when a stacked device stops to count") {
  Host host("v2_6.1");
  host.tree.write(host.v2("io.stat"), "7:0 rbytes=1000 wbytes=0 rios=1 wios=0\n");
  auto reader = host.open(v2_path);
  REQUIRE(reader);
  CHECK(reader->read(host.facts, true, host.buffer)->io_read_bytes == 1000);
  // Now the disk beneath the loop device shows the same bytes.
  host.tree.write(
      host.v2("io.stat"),
      "7:0 rbytes=1200 wbytes=0 rios=1 wios=0\n8:0 rbytes=300 wbytes=0 rios=1 wios=0\n");
  CHECK(reader->read(host.facts, false, host.buffer)->io_read_bytes == 1000);
  host.tree.write(
      host.v2("io.stat"),
      "7:0 rbytes=1200 wbytes=0 rios=1 wios=0\n8:0 rbytes=350 wbytes=0 rios=1 wios=0\n");
  CHECK(reader->read(host.facts, false, host.buffer)->io_read_bytes == 1050);
}

TEST_CASE("without the cpu controller v2 still tells usage, and no throttling") {
  Host host("v2_6.1");
  host.tree.write(host.v2("cpu.stat"), "usage_usec 5\nuser_usec 3\nsystem_usec 2\n");
  for (char const* file : {"cpu.max", "cpu.weight"}) host.tree.remove(host.v2(file));
  host.tree.remove("sys/fs/cgroup/docker/cpu.max");
  auto const reading = host.first(v2_path);
  CHECK(reading.cpu_usage == 5000);
  CHECK_FALSE(reading.cpu_periods);
  CHECK_FALSE(reading.cpu_limit);
  CHECK_FALSE(reading.cpu_shares);
}

TEST_CASE("a controller without a directory for the container has no figures") {
  Host host("v1_hybrid_6.18");
  for (char const* controller : {"memory", "pids", "blkio", "unified"})
    host.tree.remove("sys/fs/cgroup/" + std::string(controller) + v1_path);
  auto reader = host.open(v1_path);
  REQUIRE(reader);
  CHECK_FALSE(reader->directories().complete());
  auto const reading = reader->read(host.facts, true, host.buffer);
  REQUIRE(reading);
  CHECK(reading->cpu_usage);
  CHECK_FALSE(reading->mem_usage);
  CHECK_FALSE(reading->io_read_bytes);
  CHECK_FALSE(reading->pids_current);
  CHECK_FALSE(reading->cpu_pressure_some);
}

TEST_CASE("unlimited tasks have no limit") {
  Host host("v2_6.1");
  host.tree.write(host.v2("pids.max"), "max\n");
  host.tree.write(host.v2("pids.events"), "max 21\n");
  auto const reading = host.first(v2_path);
  CHECK_FALSE(reading.pids_limit);
  CHECK(reading.pids_failed == 21);
}

TEST_CASE("limits are read at the slow pace and stand in between") {
  Host host("v1_hybrid_6.18");
  auto reader = host.open(v1_path);
  REQUIRE(reader);
  (void)reader->read(host.facts, true, host.buffer);
  host.tree.write(host.v1("cpu", "cpu.cfs_quota_us"), "70000\n");
  host.tree.write(host.v1("cpuacct", "cpuacct.usage"), "26808949999\n");
  auto reading = reader->read(host.facts, false, host.buffer);
  CHECK(reading->cpu_limit == 0.5);
  CHECK(reading->cpu_usage == 26808949999);
  CHECK(reader->read(host.facts, true, host.buffer)->cpu_limit == 0.7);
}

TEST_CASE("a cgroup that is not there is not found, one that was removed is gone") {
  Host host("v1_hybrid_6.18");
  auto const missing = host.open("/docker/nothing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::not_found);

  auto reader = host.open(v1_path);
  REQUIRE(reader);
  for (char const* controller : {"cpu", "cpuacct", "memory", "pids", "blkio", "cpuset", "unified"})
    host.tree.remove("sys/fs/cgroup/" + std::string(controller) + v1_path);
  auto const reading = reader->read(host.facts, true, host.buffer);
  REQUIRE_FALSE(reading);
  CHECK(reading.error().code == Errc::gone);
}

TEST_CASE("another cgroup of the same name is not read for the old one") {
  Host host("v2_6.1");
  auto reader = host.open(v2_path);
  REQUIRE(reader);
  // Moved away, not removed, so that its inode cannot be given again.
  std::filesystem::rename(host.tree.path("sys/fs/cgroup" + v2_path), host.tree.path("old"));
  host.tree.write(host.v2("cpu.stat"), "usage_usec 1\n");
  auto const reading = reader->read(host.facts, true, host.buffer);
  REQUIRE_FALSE(reading);
  CHECK(reading.error().code == Errc::gone);
  auto again = host.open(v2_path);
  REQUIRE(again);
  CHECK(again->inode() != reader->inode());
}

TEST_CASE("on the running kernel a kept cgroup says gone after its removal") {
  auto const hierarchies = Hierarchies::discover({});
  if (!hierarchies || !hierarchies->walked()) return;
  std::string const name = "/dadvisor-test-" + std::to_string(::getpid());
  std::string const directory = hierarchies->walked()->point + name;
  if (::mkdir(directory.c_str(), 0755) != 0) {
    WARN("no right to make a cgroup in " << hierarchies->walked()->point);
    return;
  }
  auto reader = CgroupReader::open(*hierarchies, name);
  HostFacts facts;
  ReadBuffer buffer;
  bool const opened = reader.has_value();
  bool const alive = opened && reader->read(facts, true, buffer).has_value();
  REQUIRE(::rmdir(directory.c_str()) == 0);
  REQUIRE(opened);
  CHECK(alive);
  auto const after = reader->read(facts, false, buffer);
  REQUIRE_FALSE(after);
  CHECK(after.error().code == Errc::gone);
}
