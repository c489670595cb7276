#include "kernel_targets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/cgroup/cgroup_reader.hpp"
#include "agent/cgroup/container_path.hpp"
#include "agent/cgroup/hierarchies.hpp"
#include "agent/host/block_devices.hpp"
#include "agent/host/host_reader.hpp"
#include "agent/host/process_start.hpp"
#include "agent/host/scan.hpp"
#include "agent/sample/process.hpp"
#include "agent/sample/process_io.hpp"
#include "must.hpp"
#include "scratch.hpp"

namespace dadvisor::fuzz {
namespace {

using namespace agent;

constexpr std::array cgroup_files{"cgroup.procs",
                                  "cpu.stat",
                                  "cpu.max",
                                  "cpu.weight",
                                  "cpu.pressure",
                                  "cpu.shares",
                                  "cpu.cfs_quota_us",
                                  "cpu.cfs_period_us",
                                  "cpuacct.usage",
                                  "cpuacct.stat",
                                  "cpuset.cpus",
                                  "cpuset.cpus.effective",
                                  "cpuset.effective_cpus",
                                  "memory.stat",
                                  "memory.current",
                                  "memory.events",
                                  "memory.max",
                                  "memory.peak",
                                  "memory.swap.current",
                                  "memory.pressure",
                                  "memory.usage_in_bytes",
                                  "memory.failcnt",
                                  "memory.oom_control",
                                  "memory.limit_in_bytes",
                                  "memory.max_usage_in_bytes",
                                  "memory.kmem.usage_in_bytes",
                                  "io.stat",
                                  "io.pressure",
                                  "blkio.throttle.io_service_bytes",
                                  "blkio.throttle.io_serviced",
                                  "blkio.throttle.io_service_bytes_recursive",
                                  "blkio.throttle.io_serviced_recursive",
                                  "pids.current",
                                  "pids.max",
                                  "pids.events"};
constexpr std::array proc_files{"stat",
                                "meminfo",
                                "loadavg",
                                "vmstat",
                                "diskstats",
                                "pressure/cpu",
                                "pressure/memory",
                                "pressure/io",
                                "1/net/dev",
                                "1/net/sockstat",
                                "1/net/snmp",
                                "1/net/netstat",
                                "self/statm",
                                "sys/fs/file-nr",
                                "sys/net/netfilter/nf_conntrack_count",
                                "sys/net/netfilter/nf_conntrack_max",
                                "7/stat",
                                "7/cgroup",
                                "7/io"};

// Writes the files of an input, each behind a line "# NAME", those of other names to nowhere.
// Returns those that are there.
template <std::size_t N>
std::set<std::string> put_files(Scratch const& scratch, std::string const& directory,
                                std::array<char const*, N> const& known, std::string_view bytes) {
  std::set<std::string> put;
  std::string name;
  std::string text;
  auto const finish = [&] {
    if (std::ranges::find(known, name) == known.end()) return;
    scratch.put(directory + name, text);
    put.insert(name);
  };
  std::string_view line;
  while (take_line(bytes, line)) {
    if (line.starts_with("# ")) {
      finish();
      name = line.substr(2);
      text.clear();
    } else {
      text.append(line).push_back('\n');
    }
  }
  finish();
  for (auto const* one : known)
    if (!put.contains(one)) scratch.clear(directory + one);
  return put;
}

// A disk, one upon it, and a loop device.
BlockDevices const& devices() {
  static Scratch const scratch;
  static BlockDevices const known = [] {
    scratch.put("sys/block/sda/dev", "8:0\n");
    scratch.put("sys/block/dm-0/dev", "253:0\n");
    scratch.put("sys/block/dm-0/slaves/sda/dev", "8:0\n");
    scratch.put("sys/block/loop0/dev", "7:0\n");
    scratch.put("sys/block/loop0/loop/dio", "0\n");
    BlockDevices found(scratch.path() + "/sys");
    found.refresh();
    return found;
  }();
  return known;
}

using Figures = std::vector<std::optional<std::int64_t>>;

Figures figures_of(CgroupReading const& of) {
  return {of.cpu_usage,        of.cpu_user,          of.cpu_system,        of.cpu_periods,
          of.cpu_throttled,    of.cpu_shares,        of.mem_usage,         of.mem_working_set,
          of.mem_rss,          of.mem_cache,         of.mem_shmem,         of.mem_mapped,
          of.mem_swap,         of.mem_kernel,        of.mem_dirty,         of.mem_peak,
          of.mem_limit,        of.mem_limit_hits,    of.mem_oom_kills,     of.mem_faults,
          of.mem_major_faults, of.io_read_bytes,     of.io_write_bytes,    of.io_reads,
          of.io_writes,        of.pids_current,      of.pids_limit,        of.pids_failed,
          of.processes,        of.cpu_pressure_some, of.mem_pressure_some, of.io_pressure_some};
}

void check_cgroup(CgroupReading const& reading, HostFacts const& host,
                  std::set<std::string> const& files) {
  must(!reading.cpu_limit ||
           (*reading.cpu_limit > 0 && *reading.cpu_limit < static_cast<double>(host.cpus)),
       "a limit of CPU binds");
  must(!reading.mem_limit || *reading.mem_limit < host.mem_total, "a limit of memory binds");
  must(!reading.mem_working_set || *reading.mem_working_set >= 0, "a working set is not negative");
  must(!reading.processes || *reading.processes >= 0, "a count is not negative");
  auto const none = [&](std::optional<std::int64_t> figure, std::initializer_list<char const*> of) {
    must(!figure || std::ranges::any_of(of, [&](auto const* file) { return files.contains(file); }),
         "what no file tells is absent");
  };
  none(reading.cpu_usage, {"cpu.stat", "cpuacct.usage"});
  none(reading.cpu_shares, {"cpu.weight", "cpu.shares"});
  none(reading.mem_rss, {"memory.stat"});
  none(reading.mem_usage, {"memory.current", "memory.usage_in_bytes"});
  none(reading.mem_peak, {"memory.peak", "memory.max_usage_in_bytes"});
  none(reading.io_reads,
       {"io.stat", "blkio.throttle.io_serviced", "blkio.throttle.io_serviced_recursive"});
  none(reading.pids_current, {"pids.current"});
  none(reading.io_pressure_some, {"io.pressure"});
}

void read_cgroup(Hierarchies const& hierarchies, std::set<std::string> const& files) {
  ReadBuffer buffer;
  HostFacts const host{8LL << 30, 4, &devices(), true};
  auto reader = CgroupReader::open(hierarchies, "/c");
  must(reader.has_value(), "a cgroup that is there can be opened");
  auto const first = reader->read(host, true, buffer);
  must(first.has_value(), "and read, whatever its files say");
  check_cgroup(*first, host, files);
  auto const second = reader->read(host, false, buffer);
  must(second && figures_of(*second) == figures_of(*first), "what has not changed reads the same");
  static_cast<void>(reader->read_last(host, buffer));
  auto const& directory = reader->directories().main();
  auto const process = first_process(directory, buffer);
  must(!process || *process > 0, "a process has a number");
}

void check_numbers(std::string_view text) {
  auto const value = scan_integer(text);
  if (value) must(scan_integer(std::to_string(*value)) == value, "a number is what it is printed");
  if (auto const cpus = count_cpu_list(text)) must(*cpus > 0, "a list of CPUs names some");
  if (auto const device = scan_device(text)) {
    auto const printed = std::to_string(device->major) + ":" + std::to_string(device->minor);
    must(scan_device(printed) == device, "a device is what it is printed");
  }
  std::vector<DeviceIo> lines;
  std::set<DeviceNumber> seen;
  scan_blkio(text, lines);
  for (auto const& line : lines) must(seen.insert(line.device).second, "a device has one line");
  seen.clear();
  scan_io_stat(text, "rbytes=", "wbytes=", lines);
  for (auto const& line : lines) must(seen.insert(line.device).second, "a device has one line");
}

}  // namespace

void take_cgroup(std::string_view bytes) {
  check_numbers(bytes);
  static Scratch const scratch;
  auto const files = put_files(scratch, "c/", cgroup_files, bytes);
  scratch.put("c/none", "");
  read_cgroup(Hierarchies({{scratch.path(), "/", true, {}}}), files);
  read_cgroup(
      Hierarchies(
          {{scratch.path(), "/", false, {"cpu", "cpuacct", "cpuset", "memory", "blkio", "pids"}}}),
      files);
}

namespace {

// The parts of a net/dev make up the whole, but for what left 64 bits.
void check_net_dev(std::string_view text) {
  auto const all = sum_net_dev(text, [](std::string_view) { return true; });
  auto const none = sum_net_dev(text, [](std::string_view) { return false; });
  auto const others = sum_net_dev(text);
  auto const loopback = sum_net_dev(text, [](std::string_view name) { return name == "lo"; });
  must(all.has_value() == none.has_value() && all.has_value() == others.has_value(),
       "a net/dev is one or is none");
  if (!all) return;
  must(none->rx_bytes == 0 && none->tx_drops == 0, "nothing sums to nothing");
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  for (auto const member : {&NetCounters::rx_bytes, &NetCounters::rx_drops, &NetCounters::tx_bytes,
                            &NetCounters::tx_drops})
    if (std::abs(*others.*member) < most && std::abs(*loopback.*member) < most &&
        std::abs(*all.*member) < most)
      must(bounded_sum(*others.*member, *loopback.*member) == *all.*member ||
               std::abs(*all.*member) > most / 2,
           "the loopback and the others are all");
}

void check_process(std::string const& proc, std::string_view bytes, ReadBuffer& buffer) {
  static_cast<void>(process_start_ns(proc, 7, buffer));
  for (auto const* controller : {"", "memory"})
    for (auto const* told : {"", "/docker/x"}) {
      auto const path = process_cgroup(proc, 7, controller, "x", buffer, told);
      if (!path) continue;
      must(bytes.find(*path) != std::string_view::npos, "a path is one of the file's");
      must(path->ends_with("x") || path->ends_with("x.scope"), "a path ends with the id");
    }
}

}  // namespace

void take_proc(std::string_view bytes) {
  check_net_dev(bytes);
  static Scratch const scratch;
  auto const files = put_files(scratch, "proc/", proc_files, bytes);
  static bool const once = [] {
    scratch.put("proc/self/fd/0", "");
    scratch.put("proc/1/net/none", "");
    scratch.put("sys/block/sda/dev", "8:0\n");
    scratch.put("sys/block/loop0/dev", "7:0\n");
    scratch.put("sys/block/loop0/loop/dio", "0\n");
    scratch.put("c/cgroup.procs", "7\n");
    return true;
  }();
  must(once, "the host is there");
  auto const proc = scratch.path() + "/proc";
  ReadBuffer buffer;
  HostReader host({proc, scratch.path() + "/sys", {scratch.path()}});
  auto const first = host.read(true, buffer);
  must(!first.cpu_count || *first.cpu_count > 0, "a host has CPUs or none is told");
  must(!first.cpu || files.contains("stat"), "what no file tells is absent");
  must(!first.mem_total || files.contains("meminfo"), "what no file tells is absent");
  must(!first.disk || files.contains("diskstats"), "what no file tells is absent");
  must(!first.net || files.contains("1/net/dev"), "what no file tells is absent");
  auto const second = host.read(false, buffer);
  must(second.forks == first.forks && second.mem_used == first.mem_used &&
           second.fd_used == first.fd_used && second.io_pressure.some == first.io_pressure.some,
       "what has not changed reads the same");
  must(first.net.has_value() == second.net.has_value() &&
           (!first.net || first.net->rx_bytes == second.net->rx_bytes),
       "what has not changed reads the same");
  check_process(proc, bytes, buffer);
  auto const directories =
      CgroupDirectories::open(Hierarchies({{scratch.path(), "/", true, {}}}), "/c");
  must(directories.has_value(), "a cgroup that is there can be opened");
  auto const io = process_io(directories->main(), proc, buffer);
  must(!io || files.contains("7/io"), "what no file tells is absent");
}

namespace {

std::string escaped(std::string_view text) {
  std::string escaped;
  for (char const c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
      auto const value = static_cast<unsigned char>(c);
      escaped += '\\';
      for (int const shift : {6, 3, 0}) escaped += static_cast<char>('0' + (value >> shift & 7));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string printed(CgroupMount const& mount) {
  std::string line = "1 1 0:1 " + escaped(mount.root) + " " + escaped(mount.point) + " rw - ";
  line += mount.unified ? "cgroup2 none rw" : "cgroup none rw";
  for (auto const& controller : mount.controllers) line += "," + controller;
  return line + "\n";
}

void check_path(std::string_view path) {
  PathRules const rules{{"/lxc"}, {"default"}, "/mesos", true};
  static_cast<void>(match_service(path));
  auto const match = match_container(path, rules);
  if (!match) return;
  must(path.starts_with(match->path), "a container's path is the beginning of that within it");
  must(!match->runtime.empty() && !match->id.empty(), "a container has a runtime and an id");
  auto const again = match_container(match->path, rules);
  must(again && *again == *match, "a container's own path leads to it");
}

}  // namespace

void take_mountinfo(std::string_view bytes) {
  auto const mounts = scan_mountinfo(bytes);
  std::string text;
  for (auto const& mount : mounts) text += printed(mount);
  // An empty word cannot be printed.
  if (std::ranges::none_of(mounts, [](auto const& mount) {
        return mount.root.empty() || mount.point.empty() || mount.point == "-";
      }))
    must(scan_mountinfo(text) == mounts, "mounts are what they are printed");
  Hierarchies const hierarchies(mounts);
  must((hierarchies.walked() == nullptr) == (hierarchies.mode() == CgroupMode::none) ||
           hierarchies.mode() == CgroupMode::v1,
       "there is a tree to walk where there is a hierarchy");
  for (auto const& mount : mounts)
    for (auto const& controller : mount.controllers) {
      auto const* chosen = hierarchies.v1(controller);
      must(chosen != nullptr, "a controller that is mounted has a mount");
      must(mount.root != "/" || chosen->root == "/", "a whole hierarchy comes before a part of it");
    }
  std::string_view line;
  while (take_line(bytes, line)) check_path(line);
}

}  // namespace dadvisor::fuzz
