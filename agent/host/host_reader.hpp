#pragma once
// What the kernel says about the whole host, and about the agent itself, right now.
//
// Sources: /proc/{stat,meminfo,loadavg,diskstats,vmstat,pressure/*}, net/dev of process 1 (the
// host's namespace even when the agent has its own), statfs of the container runtime's files.
// What a file does not tell is absent. Not thread-safe; the sampler's thread owns it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/host/block_devices.hpp"
#include "agent/host/descriptor_count.hpp"
#include "agent/host/kernel_file.hpp"
#include "agent/host/net_dev.hpp"
#include "agent/host/pressure.hpp"
#include "agent/host/scan.hpp"

namespace dadvisor::agent {

struct HostOptions {
  std::string proc_root = "/proc";
  std::string sys_root = "/sys";
  // The file system of the first that exists is shown as fs.*.
  std::vector<std::string> data_paths = {"/var/lib/docker", "/var/lib/containers",
                                         "/var/lib/containerd", "/"};
};

struct CpuTimes {          // nanoseconds since boot, all CPUs together; the kernel counts in ticks
  std::int64_t usage = 0;  // user + system + irq + softirq: what this host's CPUs worked
  std::int64_t user = 0;   // with nice; a guest's time is in it
  std::int64_t system = 0;
  std::int64_t iowait = 0;
  std::int64_t irq = 0;
  std::int64_t softirq = 0;
  std::int64_t steal = 0;
  std::int64_t idle = 0;
};

struct FileSystemUse {
  std::int64_t total = 0;  // bytes
  std::int64_t used = 0;   // bytes
  std::int64_t inodes = 0;
  std::int64_t inodes_used = 0;
};

struct HostReading {
  std::optional<CpuTimes> cpu;
  std::optional<std::int64_t> cpu_count;  // online
  std::optional<std::int64_t> context_switches, forks;
  std::optional<double> load_1m, load_5m, load_15m;
  // Bytes. used = total - available; cache = page cache and buffers.
  std::optional<std::int64_t> mem_total, mem_available, mem_used, mem_cache, mem_dirty, mem_slab;
  std::optional<std::int64_t> swap_total, swap_used;
  std::optional<std::int64_t> oom_kills, major_faults;
  std::optional<DiskTotals> disk;
  std::optional<FileSystemUse> fs;
  std::optional<NetCounters> net;  // physical interfaces; where there is none, all but loopback
  TcpFigures tcp;
  std::optional<std::int64_t> conntrack, conntrack_max;
  Pressure cpu_pressure, memory_pressure, io_pressure;
  std::optional<std::int64_t> fd_used, fd_max;
  // The agent's own.
  std::optional<std::int64_t> agent_cpu_ns, agent_rss, agent_fds;
};

class HostReader {
 public:
  // Never fails: what cannot be opened is absent.
  explicit HostReader(HostOptions options);

  // `slow`: also what is read at the slow pace (file system, conntrack, file table, TCP, list of
  // devices). In between, gauges of the slow pace keep their last value; counters are absent, for
  // a rate over repeated values would be 0, 0, 0 and then a peak.
  // `links`, where given, tells the sums over interfaces by their indexes in this process's own
  // namespace, or nothing: then net/dev is read, whose every line costs, those of veths too.
  using Links = std::function<std::optional<NetCounters>(std::span<std::int32_t const>)>;
  HostReading read(bool slow, ReadBuffer& buffer, Links const& links = {});

  // For the readers of containers: the last reading's.
  BlockDevices const& devices() const { return devices_; }
  std::vector<DeviceNumber> const& busy_devices() const { return busy_; }
  // Reads the list of devices at the next reading: a cgroup named one that is not known.
  void expect_new_device() { device_refresh_due_ = true; }

 private:
  void read_cpu(HostReading& into, ReadBuffer& buffer);
  void read_memory(HostReading& into, ReadBuffer& buffer);
  void read_disk(HostReading& into, ReadBuffer& buffer);
  void read_net(HostReading& into, ReadBuffer& buffer, Links const& links);
  void read_slow(HostReading& into, ReadBuffer& buffer);
  void read_self(HostReading& into, bool slow, ReadBuffer& buffer);
  void find_physical_interfaces();

  HostOptions options_;
  BlockDevices devices_;
  std::vector<DeviceNumber> busy_;
  bool device_refresh_due_ = true;
  std::vector<std::string> physical_;  // interfaces, sorted
  std::vector<std::int32_t> indexes_;  // theirs, where all are of our own namespace
  KernelFile stat_, meminfo_, loadavg_, vmstat_, diskstats_;
  KernelFile cpu_pressure_, memory_pressure_, io_pressure_, statm_;
  DescriptorCount descriptors_;
  std::string net_dev_;  // path; opened each time, as a kept one would pin a namespace
  SteadySum idle_, iowait_;
  SteadySum disk_[5], net_[8];
  HostReading slow_;  // the gauges of the last slow reading
};

}  // namespace dadvisor::agent
