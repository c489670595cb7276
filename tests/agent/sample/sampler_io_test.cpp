// Disk I/O of containers where cgroup v1 does not count it on every disk.

#include <catch2/catch.hpp>

#include "tests/agent/sample/fake_host.hpp"
#include "tests/agent/sample/sampled.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using dadvisor::test::cell;
using dadvisor::test::FakeHost;
using dadvisor::test::Sampled;
namespace m = dadvisor::metric;

namespace {

std::string const id = FakeHost::id('a');
std::string const file = "blkio.throttle.io_service_bytes_recursive";

// Of the host's two disks v1 counts sda alone.
struct OldFiles {
  OldFiles() {
    host.tree.write("proc/self/mountinfo",
                    "25 19 0:23 / /cg rw - cgroup cgroup rw,cpuacct,blkio\n");
    host.tree.write("sys/block/sda/dev", "8:0\n");
    host.tree.write("sys/block/sdb/dev", "8:16\n");
    host.tree.write("proc/diskstats",
                    "8 0 sda 9 0 9 0 9 0 9 0 0 9 9\n8 16 sdb 9 0 9 0 9 0 9 0 0 9 9\n");
    root("8:0 Read 1\n");
    container = host.start('a', 77);
    host.tree.write("proc/77/cgroup", "4:cpuacct,blkio:" + FakeHost::cgroup(id) + "\n");
    own("Total 0\n");
  }
  void root(std::string const& lines) { host.tree.write("cg/" + file, lines); }
  void own(std::string const& lines) {
    host.tree.write("cg" + FakeHost::cgroup(id) + "/" + file, lines);
  }
  void account(int read, int written) {
    host.tree.write("proc/77/io", "read_bytes: " + std::to_string(read) +
                                      "\nwrite_bytes: " + std::to_string(written) + "\n");
  }
  FakeHost host;
  Container container;
};

struct OldHost : OldFiles {
  Cell written() { return cell(sampled.tick({container}), id, m::io_write_bytes); }

  Sampled sampled{host};  // which opens the files
};

}  // namespace

TEST_CASE("disk I/O that neither the cgroup nor the processes tell is absent") {
  OldHost old;
  CHECK_FALSE(old.written());
  CHECK(old.sampled.sampler.stats().io_unaccounted);
  CHECK(old.sampled.sampler.io_buffered_writes() == false);
  CHECK(old.sampled.sampler.stats().io_processes == 0);
}

TEST_CASE("where a disk is not counted, the processes' accounts tell") {
  OldHost old;
  old.account(5, 700);
  auto const batch = old.sampled.tick({old.container});
  CHECK(cell(batch, id, m::io_write_bytes) == 700);
  CHECK(cell(batch, id, m::io_read_bytes) == 5);
  CHECK_FALSE(cell(batch, id, m::io_writes));
  // A process ends that nobody in the container waited for: the figure stands, then goes on.
  old.account(5, 300);
  CHECK(old.written() == 700);
  old.account(5, 350);
  CHECK(old.written() == 750);
  CHECK(old.sampled.sampler.stats().io_processes == 3);
}

TEST_CASE(
    "of what a counted disk and the processes tell the greater is shown, and it never falls") {
  OldHost old;
  old.own("8:0 Read 10\n8:0 Write 900\nTotal 910\n");
  CHECK(old.written() == 900);
  old.account(5, 2000);
  CHECK(old.written() == 2000);
  // All disks are counted from now on: the kernel's lines alone, which have less.
  old.root("8:0 Read 1\n8:16 Read 1\n");
  for (int i = 0; i < 6; ++i) old.written();  // up to the slow pace
  CHECK_FALSE(old.sampled.sampler.stats().io_unaccounted);
  CHECK(old.written() == 2000);
  old.account(5, 9000);
  old.own("8:0 Read 10\n8:0 Write 1000\nTotal 1010\n");
  CHECK(old.written() == 2100);
}
