#pragma once
// A host of files for the sampler's tests: /proc, /sys and a v2 tree with containers that the test
// starts and stops; and a clock that the test turns.

#include <chrono>
#include <filesystem>
#include <string>

#include "agent/sample/sampler.hpp"
#include "tests/agent/file_tree.hpp"
#include "tests/hand_clock.hpp"

namespace dadvisor::test {

inline constexpr std::string_view net_heading = "Inter-| Receive | Transmit\n face |bytes ...\n";

class FakeHost {
 public:
  FakeHost() {
    tree.write("proc/self/mountinfo", "25 19 0:23 / /cg rw - cgroup2 cgroup2 rw\n");
    tree.write("proc/stat",
               "cpu  100 0 50 1000 0 0 0 0 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\n"
               "btime 1795000000\n");
    tree.write("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 600000 kB\n");
    tree.write("proc/1/net/dev",
               std::string(net_heading) + "eth0: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n");
    tree.directory("cg/docker");
  }

  static std::string id(char digit) { return std::string(64, digit); }
  static std::string cgroup(std::string const& id) { return "/docker/" + id; }

  // A running container: cgroup, process, and what the runtime says of it.
  agent::Container start(char digit, std::int64_t pid, std::int64_t usage_us = 1000) {
    agent::Container made;
    made.id = id(digit);
    made.name = std::string("name-") + digit;
    made.image = "web:1";
    made.pid = pid;
    made.running = true;
    made.started_ns = clock.wall().time_since_epoch().count() - 5'000'000'000;
    made.network_mode = "bridge";
    place(cgroup(made.id), pid, usage_us);
    return made;
  }
  void place(std::string const& path, std::int64_t pid, std::int64_t usage_us) {
    usage(path, usage_us);
    std::string const process = std::to_string(pid);
    tree.write("cg" + path + "/cgroup.procs", process + "\n");
    tree.write("cg" + path + "/cpu.max", "50000 100000\n");
    tree.write("cg" + path + "/pids.current", "3\n");
    tree.write("cg" + path + "/memory.current", "1000\n");
    tree.write("proc/" + process + "/cgroup", "0::" + path + "\n");
    tree.write("proc/" + process + "/stat",
               process + " (x) S 1 1 1 0 -1 0 1 0 0 0 5 6 0 0 20 0 1 0 " + process + " 0 0\n");
    net(pid, 100);
  }
  void usage(std::string const& path, std::int64_t usage_us) {
    tree.write("cg" + path + "/cpu.stat",
               "usage_usec " + std::to_string(usage_us) + "\nuser_usec 1\nsystem_usec 1\n");
  }
  void net(std::int64_t pid, std::int64_t bytes) {
    std::string const rx = std::to_string(bytes);
    tree.write(
        "proc/" + std::to_string(pid) + "/net/dev",
        std::string(net_heading) + "eth0: " + rx + " 1 0 0 0 0 0 0 " + rx + " 1 0 0 0 0 0 0\n");
  }
  // Both in one network namespace: one file, as it is one inode.
  void share_net(std::int64_t pid, std::int64_t with) {
    std::string const own = tree.path("proc/" + std::to_string(pid) + "/net/dev");
    std::filesystem::remove(own);
    std::filesystem::create_hard_link(tree.path("proc/" + std::to_string(with) + "/net/dev"), own);
  }
  // Moves a cgroup away, so that its inode is not given again.
  void stop(agent::Container const& container) {
    std::filesystem::rename(tree.path("cg" + cgroup(container.id)),
                            tree.path("ended" + std::to_string(++ended_)));
    tree.remove("proc/" + std::to_string(container.pid));
  }

  // As the kernel and the runtime end one: its processes go, then its cgroup.
  void empty(std::string const& path) { tree.write("cg" + path + "/cgroup.procs", ""); }
  void remove(std::string const& path) { tree.remove("cg" + path); }

  agent::SamplerOptions options() const {
    agent::SamplerOptions made;
    made.agent_id = "host-1";
    made.cluster = "prod";
    made.host = {tree.path("proc"), tree.path("sys"), {}};
    made.hierarchies = {tree.path("proc"), tree.root(), false};
    return made;
  }

  FileTree tree;
  HandClock clock{from_unix_seconds(1'795'390'000)};

 private:
  int ended_ = 0;
};

}  // namespace dadvisor::test
